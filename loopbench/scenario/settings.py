"""Lists every setting of a scenario, flat, for the session record, so that sessions can be compared."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from loopbench.scenario.model import Scenario
from loopbench.secrecy import SECRET_TABLES, is_telling, public_target


def flat_settings(scenario: Scenario) -> dict[str, str]:
    """Return the settings, defaults included, as JSON values by dotted key.

    A value that may be a secret is replaced by a 16-bit checksum, which shows changes but does not reveal the value.
    """
    tables = scenario.model_dump(mode="json", by_alias=True)
    return {key: _shown(key, value) for key, value in _leaves("", tables)}


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(f"{key}.{name}" if key else name, item)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _leaves(f"{key}[{index}]", item)
    else:
        yield key, value


def _shown(key: str, value: Any) -> str:
    text = json.dumps(value)
    mark = f"not recorded ({zlib.crc32(text.encode()) & 0xFFFF:04x})"
    *tables, name = key.split(".")
    if value and (not SECRET_TABLES.isdisjoint((*tables, name)) or ("params" in tables and is_telling(name))):
        return mark
    public = public_target(text)
    return text if public == text else f"{public} {mark}"
