"""Recordings of the sick apps: what the probe and the users saw, kept so that the diagnosis is tested without a clock.

    python -m tests.sick_recordings [NAME...]

serves each app of `tests/sick_labels.py` whose name contains a NAME (all without one), and writes
`tests/sick_apps/recorded/*.json.gz`. Record again when the probe's format changes, on a quiet machine; only a
recording that gets the right diagnosis is written.
"""

import gzip
import json
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from loopbench.records.session import TARGET_LOG
from loopbench.records.source_lines import LINES_FILE
from tests.closed_loop_users import Answer, Seen
from tests.sick_labels import APPS, LABELS, Label, Sighting, measured, wrong

FOLDER: Final = APPS / "recorded"
MAX_TRIES: Final = 5
_PLACES: Final = (
    (str(APPS), "/srv/sick_apps"),
    (sysconfig.get_paths()["purelib"], "/usr/lib/python3/site-packages"),
    (sysconfig.get_paths()["stdlib"], "/usr/lib/python3"),
    (str(Path(sys.prefix)), "/usr"),
)
"""Folders of this machine, and what stands for each in a recording."""
RECORDED_APPS: Final = Path("/srv/sick_apps")


def path_of(label: Label) -> Path:
    """The file of one label."""
    return FOLDER / f"{label.slug}.json.gz"


def write(label: Label, folder: Path, sighting: Sighting) -> None:
    """Keep what a measured label left in its folder."""
    seen = sighting.seen
    kept = {
        "run_queue": round(sighting.run_queue, 4),
        "origin_s": seen.origin_s,
        "ended_s": seen.ended_s,
        "started_s": seen.started_s,
        "answers": _columns(seen.answers),
        "unfinished": _columns(seen.unfinished),
        "files": {
            path.name: _with_recorded_places(path.read_text(encoding="utf-8"))
            for path in sorted([*folder.glob("probe-*.jsonl"), folder / LINES_FILE, folder / TARGET_LOG])
        },
    }
    # Without a time stamp in its header, the same recording is the same file.
    with gzip.GzipFile(path_of(label), "wb", mtime=0) as packed:
        packed.write(json.dumps(kept).encode())


def read(label: Label, folder: Path) -> Sighting:
    """Put a recording's files into a folder, as a measured app leaves them; returns what the users saw."""
    kept = json.loads(gzip.decompress(path_of(label).read_bytes()))
    for name, text in kept["files"].items():
        (folder / name).write_text(text, encoding="utf-8")
    seen = Seen(kept["origin_s"], _rows(kept["answers"]), _rows(kept["unfinished"]), kept["started_s"], kept["ended_s"])
    return Sighting(seen, kept["run_queue"])


def _columns(rows: Sequence[Answer]) -> list[Sequence[float]]:
    """Rows as columns, times in whole microseconds: they compress best so."""
    times = [[round(row[place] * 1e6) for row in rows] for place in (0, 1)]
    return [*times, *([row[place] for row in rows] for place in (2, 3, 4, 5))]


def _rows(columns: list[list[Any]]) -> list[Answer]:
    return [Answer(sent / 1e6, latency / 1e6, *rest) for sent, latency, *rest in zip(*columns, strict=True)]


def _with_recorded_places(text: str) -> str:
    for here, recorded in _PLACES:
        text = text.replace(here, recorded)
    return text


def main() -> int:
    """Record; returns 1 if an app never got the right diagnosis."""
    FOLDER.mkdir(exist_ok=True)
    chosen = [label for label in LABELS if not sys.argv[1:] or any(name in label.app for name in sys.argv[1:])]
    return max([_record(label) for label in chosen], default=0)


def _record(label: Label) -> int:
    problem = ""
    for _ in range(MAX_TRIES):
        with tempfile.TemporaryDirectory() as name:
            sighting = measured(Path(name), label)
            problem = wrong(label, sighting.diagnosis(Path(name), label), APPS)
            if not problem:
                write(label, Path(name), sighting)
                print(f"{label.slug}: {path_of(label).stat().st_size:,} bytes", flush=True)  # noqa: T201
                return 0
    print(f"{label.slug}: not recorded, {problem}", flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
