"""The published JSON Schemas of results: `docs/schemas/NAME.schema.json`."""

from collections.abc import Mapping
from typing import Any

from loopbench.scenario.schema import PUBLISHED


def with_schema(name: str, number: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a result that begins with the address of its schema and the number of its format."""
    return {"$schema": f"{PUBLISHED}/{name}.schema.json", "format": number, **content}
