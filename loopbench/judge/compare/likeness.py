"""Two sessions side by side: which facts differ besides the code that is compared, and which of them refuse it."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from loopbench.records.session import SessionRecord

NOT_THE_MACHINE: Final = frozenset({"load_average_1min"})
"""Of the machine's facts, those that say how it was at one moment."""

CLOCK: Final = frozenset({"machine governor", "machine frequency_khz", "machine turbo"})
"""Facts that set the processor's clock. The canary measures their effect, which widens every interval."""

MEMORY: Final = "machine memory_bytes"
SAME_MEMORY: Final = 0.01
"""The kernel keeps a part of the memory for itself, which differs from boot to boot. Up to this share is no difference.
"""

NOT_MEASURED: Final = (
    "title",
    "question",
    "source",
    "baseline",
    "claims",
    "expect",
    "repeat.precision",
    "repeat.max_rounds",
    "repeat.variants",
)
FREE_TO_DIFFER: Final = frozenset({"published", "app_dir", "python", "min_rounds"})
"""Settings that change nothing in what one run measures, or are what is compared: where the app lies, and its Python,
whose version and packages are compared instead of its path."""

ABSENT: Final = "absent"
NOT_OBSERVABLE: Final = "not observable"
MAX_CHARACTERS: Final = 60


@dataclass(frozen=True)
class Difference:
    """One fact and its two values, as text."""

    fact: str
    a: str
    b: str

    @property
    def refuses(self) -> bool:
        """Whether the sessions cannot be compared because of it. Otherwise the fact is only printed."""
        return self.fact not in CLOCK

    @property
    def sentence(self) -> str:
        """For the console."""
        return f"{self.fact}: {_short(self.a)} in A, {_short(self.b)} in B"


def differences(a: SessionRecord, b: SessionRecord) -> tuple[Difference, ...]:
    """Every fact that can move the figures by itself: machine, versions, load, how the app is served.

    The app's own code (its commit, its folder) is not among them: that is what is compared. Variants that only one
    session has are left out.
    """
    facts_a, facts_b = dict(_facts(a)), dict(_facts(b))
    _keep_shared_variants(facts_a, facts_b)
    keys = dict.fromkeys([*facts_a, *facts_b])
    return tuple(
        Difference(key, facts_a.get(key, ABSENT), facts_b.get(key, ABSENT))
        for key in keys
        if not _is_same(key, facts_a.get(key, ABSENT), facts_b.get(key, ABSENT))
    )


def _is_same(key: str, a: str, b: str) -> bool:
    if key == MEMORY and a.isdecimal() and b.isdecimal():
        return math.isclose(int(a), int(b), rel_tol=SAME_MEMORY)
    return a == b


def refusals(a: SessionRecord, b: SessionRecord) -> tuple[Difference, ...]:
    """Returns the differences because of which the two cannot be compared."""
    return tuple(each for each in differences(a, b) if each.refuses)


def alike_facts(record: SessionRecord) -> Mapping[str, str]:
    """Return the facts that may refuse a comparison. Where two sessions have the same ones, nothing refuses theirs."""
    return {fact: value for fact, value in _facts(record) if fact not in CLOCK}


def code_of(record: SessionRecord) -> str:
    """The commits of the folders the app and the scenario lie in, in a few words."""
    states = record.provenance.get("git", {}).values()
    commits = dict.fromkeys(
        f"{commit[:12]}{' + changes' * bool(state.get('dirty'))}"
        for state in states
        if not (commit := state.get("commit", ABSENT)).startswith(NOT_OBSERVABLE)  # it goes on with the reason
    )
    return ", ".join(commits) or NOT_OBSERVABLE


def _facts(record: SessionRecord) -> Iterator[tuple[str, str]]:
    yield "loopbench", record.loopbench
    yield "quick", str(record.quick)
    yield "explain", str(record.explain)
    yield from _texts("machine", {key: value for key, value in record.machine.items() if key not in NOT_THE_MACHINE})
    yield from _texts("loopbench's", record.packages)
    pythons = record.provenance.get("pythons", {})
    for place, python in enumerate(pythons.values()):
        yield from _texts(f"target python {place + 1}" if len(pythons) > 1 else "target python", python)
    for slug, settings in record.provenance.get("servers", {}).items():
        yield from _texts(f"variant {slug}: uvicorn", settings)
    yield from _settings(record)


def _settings(record: SessionRecord) -> Iterator[tuple[str, str]]:
    """A variant's under its slug: its place in the file may have moved."""
    for key, value in record.scenario.settings.items():
        if key.startswith(NOT_MEASURED) or FREE_TO_DIFFER & set(key.split(".")):
            continue
        variant = re.match(r"variants\[(\d+)\]\.(.+)", key)
        if variant is None:
            yield key, value
        elif int(variant[1]) < len(record.scenario.variants):
            yield f"variant {record.scenario.variants[int(variant[1])].slug}: {variant[2]}", value


def _texts(name: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A nested mapping, flat, values as text."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _texts(f"{name} {key}", value)
        else:
            yield f"{name} {key}", value if isinstance(value, str) else json.dumps(value)


def _keep_shared_variants(*sessions: dict[str, str]) -> None:
    slugs = [{_slug(key) for key in facts if _slug(key)} for facts in sessions]
    shared = set.intersection(*slugs)
    for facts in sessions:
        for key in [key for key in facts if _slug(key) and _slug(key) not in shared]:
            del facts[key]


def _slug(key: str) -> str:
    return key.removeprefix("variant ").partition(":")[0] if key.startswith("variant ") else ""


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
