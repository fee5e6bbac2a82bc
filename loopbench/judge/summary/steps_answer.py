"""The answer of a step load: at how many users each variant's throughput stops rising."""

from loopbench.judge.figures import listed
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.curves import Hinge, Shape, Usl
from loopbench.judge.summary.clauses import Show, bracketed, named


def steps_answer(report: SessionReport, show: Show = named) -> str:
    """`Throughput stops rising at 38.7 users under a [37.6, 39.8] and 1 under b.`; empty where no shape says it."""
    invalid = {each.variant for each in report.steps if each.stamp.level is Level.INVALID}
    known = [(name, _limit(shape)) for name, shape in report.shapes if name not in invalid]
    limited = [(name, users, interval) for name, (users, interval) in known if users]
    units = (" users", *[""] * len(limited))
    clauses = [
        f"{users}{unit} under {show(name)}{interval}"
        for (name, users, interval), unit in zip(limited, units, strict=False)
    ]
    return f"Throughput stops rising at {listed(clauses)}." if clauses else ""


def _limit(shape: Shape) -> tuple[str, str]:
    """The number of users, and its 95 % interval if there is one; empty where the shape has no end of its rise."""
    if isinstance(shape, Hinge):
        ends = shape.knee_users.interval
        return f"{shape.knee_users.value:.3g}", f" {bracketed((ends.low, ends.high))}"
    if isinstance(shape, Usl) and shape.peak is not None:
        return f"{shape.peak.users:.0f}", ""
    if isinstance(shape, Usl) and shape.sigma.interval.high >= 1:  # one after the other: a second user adds nothing
        return "1", ""
    return "", ""
