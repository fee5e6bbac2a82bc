"""The charts that say why: the loop, its pools, the lines that held it, and where a request's time went."""

from loopbench.judge.session.session_report import SessionReport
from plots import blocked_lines, loop, pools, style, time_spent
from plots.chart import Chart


def loop_chart(report: SessionReport, palette: style.Palette, stamp: str) -> Chart | None:
    """Utilization and CPU of the loop; None where no run was watched."""
    runs = report.runs
    if not loop.is_known(runs):
        return None
    return Chart(
        "loop",
        loop.caption(runs),
        loop.describe(runs),
        lambda sheet: loop.draw_loop(runs, palette, sheet),
        loop.PANEL,
        stamp,
    )


def pools_chart(report: SessionReport, palette: style.Palette, stamp: str) -> Chart | None:
    """Thread pools; None where none was used."""
    runs = report.runs
    if not pools.is_used(runs):
        return None
    return Chart(
        "pools",
        pools.caption(runs),
        pools.describe(runs),
        lambda sheet: pools.draw_pools(runs, palette, sheet),
        pools.PANEL,
        stamp,
    )


def lines_chart(report: SessionReport, palette: style.Palette, stamp: str) -> Chart | None:
    """Lines that held the loop; None where there is none."""
    runs = report.runs
    if not blocked_lines.is_known(runs):
        return None
    return Chart(
        "blocked-lines",
        blocked_lines.caption(runs),
        blocked_lines.describe(runs),
        lambda sheet: blocked_lines.draw_blocked_lines(runs, palette, sheet),
        blocked_lines.PANEL,
        stamp,
    )


def time_chart(report: SessionReport, palette: style.Palette, stamp: str) -> Chart | None:
    """Where a request's time goes; None where only its length is known."""
    runs = report.runs
    if not time_spent.is_known(runs):
        return None
    return Chart(
        "time-spent",
        time_spent.caption(runs),
        time_spent.describe(runs),
        lambda sheet: time_spent.draw_time_spent(runs, palette, sheet),
        time_spent.panel_for(runs),
        stamp,
    )
