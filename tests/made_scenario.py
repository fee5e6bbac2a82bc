"""Scenarios and loads made up for tests, without a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loopbench.records.load_spec import LoadSpec
from loopbench.records.session import samples_file
from loopbench.scenario import Scenario


def made_scenario(*variants: str | Mapping[str, Any], neighbours: tuple[str, ...] = (), **tables: Any) -> Scenario:
    """A valid scenario with these variants (their names, or their tables), neighbours and other tables."""
    named = [{"name": each} if isinstance(each, str) else each for each in variants]
    raw = {
        "title": "made",
        "question": "What is it?",
        "target": {"app": "app:app"},
        "requests": [{"name": name, "path": "/hello"} for name in neighbours],
        "variants": [{"path": "/def"} | dict(each) for each in named],
    }
    return Scenario.model_validate(raw | tables, context={"file": Path("made.toml")})


def changed(scenario: Scenario, **tables: Any) -> Scenario:
    """The same scenario with other tables; the given keys of a table are merged with its own."""
    raw = scenario.model_dump()
    merged = {key: raw[key] | value if isinstance(raw[key], dict) else value for key, value in tables.items()}
    return Scenario.model_validate(raw | merged, context={"file": Path("made.toml")})


def made_spec(folder: Path, kind: str, *, url: str = "http://127.0.0.1:1", **parts: Any) -> LoadSpec:
    """The load of a run of one request, with these keys of `[load]` and `[repeat]`, and other fields."""
    request = parts.pop("request", {"name": "hello", "path": "/"})
    fixed = {"run": "n", "url": url, "kind": kind, "requests": [request], "explain": False, "seed": 1}
    samples = {"samples_file": str(folder / samples_file(0))}
    return LoadSpec.model_validate(fixed | samples | {"load": {}, "repeat": {}} | parts)
