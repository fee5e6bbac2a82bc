"""A run's samples as a data frame: one row a request, the same columns and types for every run, empty or not."""

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import union_categoricals

from loopbench.errors import DataError
from loopbench.judge.run.run import Run
from loopbench.records import samples as layout
from loopbench.scenario import Scenario

CATEGORY: Final = "category"
SAMPLE_COLUMNS: Final = MappingProxyType(
    {
        "run": "int32",  # number in the session
        "kind": CATEGORY,  # ramp, plateau or steps
        "round": "int32",  # 0: outside the rounds
        "variant": CATEGORY,  # name
        "phase": CATEGORY,  # in which it was sent; missing: before the first
        "request": CATEGORY,  # name: the variant's own, or a neighbour's
        "start_s": "float64",  # sent, seconds after the run's origin
        "latency_s": "float32",  # until the whole answer was there; a lower bound where `unfinished`
        "late_s": "float32",  # open mode: sent this long after it was due; closed mode: missing
        "before_app_s": "float32",  # from sent until the app was entered; missing below the explain level
        "in_app_s": "float32",  # inside the app; missing below the explain level
        "status": "UInt16",  # HTTP; missing: no answer
        "size_bytes": "uint32",  # of the body
        "users": "uint16",  # alive when the answer came
        "user": "uint16",  # which of them asked
        "error": CATEGORY,  # class; missing: a good answer
        "good": "bool",  # answered as expected
        "warmup": "bool",  # sent before the measured phases, by no user
        "new_connection": "bool",
        "retried": "bool",
        "unfinished": "bool",  # given up at the end of the drain
        "hung_up": "bool",  # the client left before the answer, on purpose
    }
)
"""Name and pandas type of each column, in order."""

_FLAGS: Final = MappingProxyType(
    {
        "warmup": layout.FLAG_WARMUP,
        "new_connection": layout.FLAG_NEW_CONNECTION,
        "retried": layout.FLAG_RETRIED,
        "unfinished": layout.FLAG_UNFINISHED,
        "hung_up": layout.FLAG_HUNG_UP,
    }
)
_AS_RECORDED: Final = ("start_s", "latency_s", "before_app_s", "in_app_s", "size_bytes", "users", "user")

Codes = npt.NDArray[np.int32]


def sample_frames(run: Run, scenario: Scenario, rows_at_once: int | None = None) -> Iterator[pd.DataFrame]:
    """A run's samples in the order in which their answers came, a frame for each so many rows; at least one frame.

    Args:
        run: the run.
        scenario: of its session.
        rows_at_once: None: all of them.

    Raises:
        DataError: the samples are damaged, or one names a request or an error that its file does not list.
    """
    rows = run.samples.rows
    step = rows_at_once or max(1, len(rows))
    for start in range(0, max(1, len(rows)), step):
        yield _sample_frame(run, scenario, slice(start, start + step))


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of `SAMPLE_COLUMNS` under each other, with the same types; of none, an empty one."""
    if not frames:
        empty = {
            name: pd.Categorical([], categories=pd.Index([], dtype="str"))
            if dtype == CATEGORY
            else pd.Series([], dtype=dtype)
            for name, dtype in SAMPLE_COLUMNS.items()
        }
        return pd.DataFrame(empty)
    return pd.DataFrame(
        {
            name: union_categoricals([frame[name] for frame in frames])
            if dtype == CATEGORY
            else pd.concat([frame[name] for frame in frames], ignore_index=True)
            for name, dtype in SAMPLE_COLUMNS.items()
        }
    )


def _sample_frame(run: Run, scenario: Scenario, part: slice) -> pd.DataFrame:
    samples, record = run.samples, run.record
    rows = samples.rows[part]
    count = len(rows)
    error = rows["error"].astype(np.int32) - 1  # index 0 is the absence of one
    nowhere = np.zeros(count, dtype=np.int32)
    columns: dict[str, Any] = {name: rows[name].copy() for name in _AS_RECORDED}
    columns |= {
        "run": np.full(count, record.number),
        "kind": _named(nowhere, [record.kind]),
        "round": np.full(count, record.round),
        "variant": _named(nowhere, [run.variant.name]),
        "phase": _phases(run, rows["start_s"]),
        "request": _named(rows["name"].astype(np.int32), samples.names),
        "late_s": rows["late_s"] if scenario.load.is_open else np.full(count, np.nan),
        "status": pd.Series(rows["status"].copy()).astype("UInt16").mask(rows["status"] == 0),
        "error": _named(error, samples.errors[1:]),
        "good": samples.good[part],
    }
    columns |= {name: rows["flags"] & flag != 0 for name, flag in _FLAGS.items()}
    frame = pd.DataFrame({name: columns[name] for name in SAMPLE_COLUMNS})
    return frame.astype({name: dtype for name, dtype in SAMPLE_COLUMNS.items() if dtype != CATEGORY})


def _phases(run: Run, sent_s: npt.NDArray[np.float64]) -> pd.Categorical:
    """The phase in which each request was sent: the last that had begun."""
    phases = run.record.phases
    last = np.searchsorted([phase.start_s for phase in phases], sent_s, side="right") - 1
    return _named(last.astype(np.int32), [phase.name for phase in phases])


def _named(codes: Codes, names: Sequence[str]) -> pd.Categorical:
    """Indices as their names; -1 is missing. A table of foreign origin may hold a name twice."""
    if len(codes) and int(codes.max()) >= len(names):
        raise DataError(
            f"a sample has the name {int(codes.max())} of a table of {len(names)}", slug="samples-foreign", where=""
        )
    unique = {name: index for index, name in enumerate(dict.fromkeys(names))}
    places = np.array([*(unique[name] for name in names), -1], dtype=np.int32)  # -1 indexes the last: missing
    return pd.Categorical.from_codes(places[codes], categories=pd.Index(list(unique), dtype="str"))
