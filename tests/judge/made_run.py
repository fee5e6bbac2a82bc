"""A run from made-up parts: what is given is not read from its folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from loopbench.judge.run.run import Run
from loopbench.records import samples as layout
from loopbench.records.sensors import SensorRow
from loopbench.records.session import RunRecord
from tests.judge.recorded_run import VARIANT, blank


def made_run(folder: Path = Path(), origin_s: float | None = None, **parts: Any) -> Run:
    """A run.

    Args:
        folder: where everything else is read from.
        origin_s: of its samples, on the host's monotonic clock; None: as its samples say.
        parts: by the names of the fields and properties of `Run`.
    """
    run = Run(folder, parts.pop("record", blank(RunRecord)), parts.pop("variant", VARIANT))
    if origin_s is not None:
        parts["samples"] = replace(parts["samples"], head=layout.Head(0, "", 0, origin_s, 0.0, ""))
    if "samples" in parts:
        parts.setdefault("head", parts["samples"].head)
    run.__dict__.update(parts)
    return run


def queued(share: float, origin_s: float, width_s: float) -> tuple[SensorRow, ...]:
    """One row of sensors over the whole run, in which the loop's thread waited for a processor for this share."""
    row = blank(SensorRow, t_s=origin_s + width_s, wall_s=width_s)
    return (replace(row, target=replace(row.target, run_queue_delay_s=share * width_s)),)
