"""The last lines of a child's log, for an error that quotes them."""

from pathlib import Path

TAIL_BYTES = 4_000


def log_tail(path: Path) -> str:
    """At most the last 4,000 bytes, from a line's beginning on; empty when there is nothing."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    if size > TAIL_BYTES:
        text = text.partition("\n")[2]
    return text.rstrip()
