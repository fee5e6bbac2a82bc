"""How long the target's loop was kept waiting for a processor, from the run's sensors."""

from pathlib import Path

from loopbench.judge.run.load_figures import Window
from loopbench.records.sensors import SENSORS_FILE, read_sensors


def run_queue_share(folder: Path, window: Window, origin_s: float) -> float | None:
    """Share of a window in which the loop's thread was ready and another had its processor; None: not measured.

    Args:
        folder: the run's.
        window: seconds after the generator's origin.
        origin_s: that origin on the host's monotonic clock.

    Raises:
        DataError: the sensors' file is damaged.
    """
    path = folder / SENSORS_FILE
    if not path.is_file():
        return None
    rows = [
        row
        for row in read_sensors(path)
        if window.start_s < row.t_s - origin_s - row.wall_s / 2 < window.end_s
        and row.target.run_queue_delay_s is not None
    ]
    spans_s = sum(row.wall_s for row in rows)
    return sum(row.target.run_queue_delay_s or 0.0 for row in rows) / spans_s if spans_s else None
