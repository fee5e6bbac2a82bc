"""The published JSON Schemas of results: `docs/schemas/NAME.schema.json`."""

from collections.abc import Mapping
from typing import Any, Final

from loopbench import __version__

PUBLISHED: Final = f"https://raw.githubusercontent.com/loopbench/loopbench/v{__version__}/docs/schemas"
"""The tag of a release, so that a result's schema stays as it was when the result was written."""


def with_schema(name: str, number: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a result that begins with the address of its schema and the number of its format."""
    return {"$schema": f"{PUBLISHED}/{name}.schema.json", "format": number, **content}
