"""Logs of a run without the secrets that its target or generator repeated in them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loopbench.errors import LoopbenchError
from loopbench.secrecy import HIDDEN_VALUE, hidden

LOGS_GLOB: Final = "*.log"


@contextmanager
def hidden_secrets(folder: Path, values: Sequence[str]) -> Iterator[None]:
    """Hide values in the logs of a folder when what writes them has ended, and in the error that quotes them.

    A harness that is killed hides nothing: that attempt's log stays as the target wrote it, is quoted nowhere and
    never counts.

    Args:
        folder: of a run.
        values: from `loopbench.scenario.secrets.secret_values`.
    """
    try:
        yield
    except LoopbenchError as error:
        error.what, error.detail = hidden(error.what, values), hidden(error.detail, values)
        raise
    finally:
        for path in folder.glob(LOGS_GLOB):
            _hide(path, values)


def _hide(path: Path, values: Sequence[str]) -> None:
    log = kept = path.read_bytes()
    for value in values:
        kept = kept.replace(value.encode("utf-8", "surrogateescape"), HIDDEN_VALUE.encode())
    if kept != log:
        path.write_bytes(kept)
