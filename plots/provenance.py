"""Facts of a session as rows of text, for the page: machine, packages, settings, services, receipts, failures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loopbench.judge.figures import MISSING, span
from loopbench.judge.session.session_report import SessionReport
from loopbench.records.session import ServiceFact

MAX_VALUES: Final = 3
BETWEEN: Final = " · "

Row = tuple[str, str]


@dataclass(frozen=True)
class Group:
    """Facts under one heading."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Receipts:
    """Receipts: what targets reported of their work, a row a key, a cell a variant."""

    variants: tuple[str, ...]
    runs: tuple[int, ...]  # how many receipts each variant's cells sum up
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def machine_rows(report: SessionReport) -> tuple[Row, ...]:
    """What the session says of the machine, nested facts on rows of their own."""
    return tuple(_flat(report.record.machine))


def provenance_groups(report: SessionReport) -> tuple[Group, ...]:
    """Where the measured code comes from; settings that several variants share stand there once."""
    groups: list[Group] = []
    for key, value in report.record.provenance.items():
        if key == "servers" and isinstance(value, dict):
            groups += _servers(value, {each.slug: each.name for each in report.record.scenario.variants})
        else:
            groups.append(Group(_words(key), tuple(_flat(value if isinstance(value, dict) else {key: value}))))
    return tuple(group for group in groups if group.rows)


def services(report: SessionReport) -> tuple[ServiceFact, ...]:
    """Every service a target talked to, each once."""
    return tuple(dict.fromkeys(fact for record in report.records for fact in record.services))


def receipts(report: SessionReport) -> Receipts | None:
    """Over all runs that count; None where no target was asked."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    names = {each.slug: each.name for each in report.record.scenario.variants}
    for record in report.records:
        if record.receipt is not None:
            found.setdefault(names[record.variant], []).append(record.receipt)
    if not found:
        return None
    variants = tuple(name for name in names.values() if name in found)
    keys = dict.fromkeys(key for name in variants for receipt in found[name] for key in receipt)
    rows = tuple((key, tuple(_span([r[key] for r in found[name] if key in r]) for name in variants)) for key in keys)
    return Receipts(variants, tuple(len(found[name]) for name in variants), rows)


def _span(values: Sequence[Any]) -> str:
    """What all runs of a variant reported of one key: the span of numbers, or the different texts."""
    if not values:
        return MISSING
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return span(values)
    different = list(dict.fromkeys(_text(value) for value in values))
    more = f" and {len(different) - MAX_VALUES} more" if len(different) > MAX_VALUES else ""
    return ", ".join(different[:MAX_VALUES]) + more


def _servers(servers: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Group]:
    """One group for each different set of settings."""
    alike: dict[tuple[Row, ...], list[str]] = {}
    for slug, settings in servers.items():
        alike.setdefault(tuple(_flat(settings)), []).append(names.get(slug, slug))
    for rows, variants in alike.items():
        of = "every variant" if len(alike) == 1 else ", ".join(variants)
        yield Group(f"server settings of {of}", rows)


def _flat(facts: Mapping[str, Any], before: str = "") -> Iterator[Row]:
    for key, value in facts.items():
        name = f"{before}{_words(str(key))}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}{BETWEEN}")
        elif key == "memory_bytes" and isinstance(value, int):
            yield "memory", f"{value / 2**30:.3g} GiB"
        elif isinstance(value, list | tuple):
            yield name, ", ".join(_text(each) for each in value) or "none"
        else:
            yield name, _text(value)


def _words(key: str) -> str:
    """`cpu_model` as `cpu model`; a path stays what it is."""
    return key if "/" in key else key.replace("_", " ")


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
