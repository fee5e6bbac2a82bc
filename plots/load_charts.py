"""The charts of loads beside the ramp: the rounds and their verdicts, step loads, and open mode."""

from loopbench.judge.session.session_report import SessionReport
from plots import open_rate, rounds, steps, style
from plots.chart import Chart


def forest_chart(report: SessionReport, palette: style.Palette, stamp: str) -> Chart | None:
    """Ratios with their intervals; None without a pair to compare."""
    measured = report.rounds
    if measured is None or not measured.goodput.verdicts:
        return None
    return Chart(
        "verdicts",
        rounds.forest_caption(measured),
        rounds.describe_forest(measured),
        lambda sheet: rounds.draw_forest(measured, palette, sheet),
        rounds.forest_panel(measured),
        stamp,
    )


def rounds_chart(report: SessionReport, palette: style.Palette, stamp: str) -> Chart | None:
    """Every run of the rounds; None without any."""
    measured = report.rounds
    if measured is None:
        return None
    return Chart(
        "rounds",
        rounds.POINTS,
        rounds.describe_points(measured),
        lambda sheet: rounds.draw_rounds(measured, palette, sheet),
        rounds.points_panel(measured),
        stamp,
    )


def steps_chart(report: SessionReport, palette: style.Palette, stamp: str) -> Chart | None:
    """Step loads; None without any."""
    loads = steps.step_loads(report)
    if not loads:
        return None
    return Chart(
        "steps",
        steps.caption(loads),
        steps.describe(loads),
        lambda sheet: steps.draw_steps(loads, palette, sheet),
        steps.PANEL,
        stamp,
    )


def open_charts(report: SessionReport, palette: style.Palette, stamp: str) -> tuple[Chart, ...]:
    """Throughput and response time against the offered rate; empty in closed mode."""
    curves = [run.insights.open_mode.climb for run in report.runs if run.insights.open_mode]
    if not curves:
        return ()
    alt = open_rate.describe(curves)
    return (
        Chart(
            "open-rate",
            open_rate.THROUGHPUT,
            alt,
            lambda sheet: open_rate.draw_open_rate(curves, palette, sheet),
            open_rate.PANEL,
            stamp,
        ),
        Chart(
            "open-response",
            open_rate.RESPONSE,
            alt,
            lambda sheet: open_rate.draw_open_response(curves, palette, sheet),
            open_rate.PANEL,
            stamp,
        ),
    )
