"""The model of a whole scenario: its tables, and the checks that need more than one of them.

No check looks at the machine: the model is also what a session records, and is read back elsewhere.
"""

import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.claims import Claim
from loopbench.scenario.data import Data
from loopbench.scenario.gates import Gate, check_gates
from loopbench.scenario.load_settings import Load, Repeat
from loopbench.scenario.requests import Before, PlainRequest, Request, Variant
from loopbench.scenario.target import Target, TargetOverrides
from loopbench.scenario.templates import UNIQUE, names_in
from loopbench.scenario.values import MAX_VARIANTS, PATH_PATTERN, Strict, Text, recorded_as
from loopbench.secrecy import hide_in_query, public_value, remember_names

MAX_TIMELINE_REQUESTS = 16
"""More bars are not readable, and so few connections are far below any server's backlog."""

OF_JOURNEYS = {"name", "target", "published", "receipt", "user_classes"}
"""Keys of a variant whose users come from a locustfile."""

ServiceName = Literal["upstream", "sqlite", "postgres", "redis", "pubsub"]


class Timeline(Strict):
    """Requests sent at once, in this order, each on a new connection.

    Each is a path with its query (`/slow?seconds=1`, sent with GET) or the name of a request or variant of the
    scenario. A request may be listed several times. The target runs with the settings of `[target]`.
    """

    name: str = Field(min_length=1, max_length=60)
    """Name; unique among variants and timelines."""
    requests: list[Annotated[str, Field(min_length=1, max_length=2_000), recorded_as(hide_in_query)]] = Field(
        min_length=1, max_length=MAX_TIMELINE_REQUESTS
    )
    """Paths, or names of requests and variants, in sending order."""

    _slug: str = PrivateAttr()

    @property
    def slug(self) -> str:
        """Its name in paths."""
        return self._slug


MIN_INTERLEAVED: Final = 2
MAX_INTERLEAVED: Final = 12
"""Targets that are alive at the same time."""
MAX_CONNECTIONS: Final = 4_000
"""Of one generator process to all of them: each user keeps one to each target."""


class Scenario(Strict):
    """A whole, valid scenario."""

    title: Text = ""
    """Heading of charts and pages; if absent, the file's name."""
    question: str = Field(default="", max_length=300)
    """The question that the session answers, in one sentence; shown above the answer."""
    source: str = Field(default="", max_length=1_000)
    """Where the question comes from."""
    target: Target
    """The app under test."""
    load: Load = Load()
    """How many users, how fast they come, how long they stay."""
    repeat: Repeat = Repeat()
    """How often runs are repeated."""
    services: list[ServiceName] = Field(default=[], max_length=5)
    """Services that the routes use: your own, named by an environment variable, or embedded (docs/services.md)."""
    requests: list[Request] = Field(default=[], max_length=32)
    """Neighbours: requests that every user also sends, in every variant."""
    variants: list[Variant] = Field(min_length=1, max_length=MAX_VARIANTS)
    """Ways to do the work, which are compared."""
    before: list[Before] = Field(default=[], max_length=16)
    """Requests that are sent before the load, such as a login (docs/your-own-app.md)."""
    data: Data = Field(default={}, validate_default=True)
    """Values by the placeholder that takes them, one after the other: a list, or a column of a CSV file."""
    baseline: str | None = None
    """Name of the variant that the others are compared with; if absent, each is compared with each."""
    timelines: list[Timeline] = Field(default=[], max_length=16)
    """A few requests sent at once, to see which waits for which."""
    claims: list[Claim] = Field(default=[], max_length=64)
    """What a source claims about the variants; the report answers it (docs/claims.md)."""
    expect: list[Gate] = Field(default=[], max_length=64)
    """Figures and their limits: gates that decide the exit code (docs/ci.md)."""

    secret: list[Text] = Field(default=[], max_length=64)
    """Names of parameters and variables whose values are secret, besides names such as `token` or `api_key`."""

    _file: Path | None = PrivateAttr(default=None)

    @field_validator("secret")
    @classmethod
    def _remember_names(cls, names: list[str]) -> list[str]:
        """Note the names before a parameter of the scenario is written anywhere."""
        remember_names(names)
        return names

    @field_validator("variants")
    @classmethod
    def _check_unique_names(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        taken = {request.name for request in info.data.get("requests", [])}
        for index, variant in enumerate(variants):
            if variant.name in taken:
                context = {"name": repr(variant.name), "at": ("variants", index, "name")}
                raise PydanticCustomError("unique", "two requests or variants are called {name}", context)
            taken.add(variant.name)
        return variants

    @field_validator("data")
    @classmethod
    def _check_placeholders(cls, data: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Check that every placeholder has a value when it is needed: captures are known to later requests only."""
        known = {UNIQUE, *data}
        before: list[Before] = info.data.get("before", [])
        asked: list[tuple[tuple[str, int], PlainRequest, frozenset[str]]] = []
        for each in sorted(before, key=lambda each: each.per == "user"):
            asked.append((("before", before.index(each)), each, frozenset(known)))
            known |= each.capture.keys()
        for key in ("requests", "variants"):
            asked += [((key, index), each, frozenset(known)) for index, each in enumerate(info.data.get(key, []))]
        _check_known(asked)
        return data

    @field_validator("before")
    @classmethod
    def _check_before_names(cls, before: list[Before], info: ValidationInfo) -> list[Before]:
        names = [each.name for each in [*info.data.get("requests", []), *info.data.get("variants", []), *before]]
        twice = next((each.name for each in before if names.count(each.name) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "two requests are called {name}", {"name": repr(twice)})
        return before

    @field_validator("load")
    @classmethod
    def _check_load_reaches_target(cls, load: Load, info: ValidationInfo) -> Load:
        target = info.data.get("target")
        if load.remote_workers and target is not None and target.url is None:
            reason = "remote_workers need [target] url: a target started here listens on this machine's loopback only"
            raise PydanticCustomError("loopback", reason)
        return load

    @field_validator("services")
    @classmethod
    def _check_services(cls, services: list[str], info: ValidationInfo) -> list[str]:
        twice = next((name for name in services if services.count(name) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "the service {name} is there twice", {"name": twice})
        target = info.data.get("target")
        if services and target is not None and target.url is not None:
            raise PydanticCustomError(
                "elsewhere", "[target] url excludes services: they are started only for a target on this machine"
            )
        return services

    @field_validator("variants")
    @classmethod
    def _check_target_overrides(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        target = info.data.get("target")
        changing = [each.name for each in variants if each.target != TargetOverrides() or each.is_moved]
        if changing and target is not None and target.url is not None:
            context = {"name": repr(changing[0])}
            raise PydanticCustomError(
                "elsewhere", "{name} changes a target that runs elsewhere ([target] url)", context
            )
        return variants

    @field_validator("variants")
    @classmethod
    def _check_repeated_variants(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        names = [variant.name for variant in variants]
        repeated = getattr(info.data.get("repeat"), "variants", None) or []
        unknown = next((name for name in repeated if name not in names), None)
        if unknown is not None:
            context = {"name": repr(unknown), "names": ", ".join(names), "at": ("repeat", "variants")}
            raise PydanticCustomError("repeated", "{name} is none of the variants: {names}", context)
        return variants

    @field_validator("baseline")
    @classmethod
    def _check_baseline(cls, value: str | None, info: ValidationInfo) -> str | None:
        names = [variant.name for variant in info.data.get("variants", [])]
        names = getattr(info.data.get("repeat"), "variants", None) or names
        if names and value is not None and value not in names:
            raise PydanticCustomError("baseline", "one of the variants: {names}", {"names": ", ".join(names)})
        return value

    @field_validator("variants")
    @classmethod
    def _check_journeys(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        """Check that the requests stand in one place: in the scenario or in the locustfile."""
        if getattr(info.data.get("load"), "locustfile", None) is None:
            for index, variant in enumerate(variants):
                if "path" not in variant.model_fields_set:
                    raise PydanticCustomError("missing", "path is missing", {"at": ("variants", index, "path")})
                if variant.user_classes:
                    raise PydanticCustomError("journeys", "user_classes need [load] locustfile")
            return variants
        given = {key for each in variants for key in each.model_dump(exclude_defaults=True)} - OF_JOURNEYS
        if given:
            raise PydanticCustomError("journeys", "a locustfile excludes {given}", {"given": ", ".join(sorted(given))})
        return variants

    @field_validator("timelines")
    @classmethod
    def _check_timelines(cls, timelines: list[Timeline], info: ValidationInfo) -> list[Timeline]:
        target = info.data.get("target")
        if timelines and target is not None and target.url is not None:
            raise PydanticCustomError("elsewhere", "[target] url excludes timelines: they need the clock of this host")
        variants, names = info.data.get("variants", []), [timeline.name for timeline in timelines]
        twice = next((name for name in names if [*names, *(each.name for each in variants)].count(name) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "two timelines or variants are called {name}", {"name": repr(twice)})
        known = {request.name for request in [*info.data.get("requests", []), *variants]}
        asked = (each for timeline in timelines for each in timeline.requests if each not in known)
        odd = next((each for each in asked if not re.fullmatch(PATH_PATTERN, each)), None)
        if odd is not None:
            raise PydanticCustomError(
                "timeline", "{odd} is no path and no request's name", {"odd": repr(public_value(odd))}
            )
        return timelines

    @field_validator("claims")
    @classmethod
    def _check_claims(cls, claims: list[Claim], info: ValidationInfo) -> list[Claim]:
        names = {each.name for each in [*info.data.get("variants", []), *info.data.get("timelines", [])]}
        for claim in claims:
            unknown = next((name for name in (claim.a, claim.b) if name is not None and name not in names), None)
            if names and unknown is not None:
                context = {"claim": claim.id, "name": repr(unknown), "names": ", ".join(sorted(names))}
                raise PydanticCustomError("claim", "claim {claim}: {name} is none of the variants: {names}", context)
        twice = next((claim.id for claim in claims if [each.id for each in claims].count(claim.id) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "two claims are called {id}", {"id": twice})
        return claims

    @field_validator("expect")
    @classmethod
    def _check_expect(cls, expect: list[Gate], info: ValidationInfo) -> list[Gate]:
        if "variants" in info.data:
            names = [variant.name for variant in info.data["variants"]]
            check_gates(expect, names, has_neighbour=bool(info.data.get("requests")))
        return expect

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        """Store the file, which paths are relative to, and what variants and timelines get from the whole scenario."""
        self._file = (info.context or {}).get("file")
        tables = [key for key in ("requests", "before", "data", "timelines") if getattr(self, key)]
        if tables and self.load.locustfile is not None:
            context = {"given": " and ".join(tables), "at": (tables[0],)}
            raise PydanticCustomError("journeys", "a locustfile excludes {given}: its users send the requests", context)
        for variant, slug in zip(self.variants, slugs(each.name for each in self.variants), strict=True):
            variant._slug, variant._served = slug, self.target.merged(variant.target)  # noqa: SLF001  set only here
        for timeline, slug in zip(self.timelines, slugs(each.name for each in self.timelines), strict=True):
            timeline._slug = slug  # noqa: SLF001
        return self

    @property
    def file(self) -> Path:
        """The file it was read from. A recorded scenario has none: the session's record names it."""
        assert self._file is not None
        return self._file

    @property
    def name(self) -> str:
        """Name of the scenario's folder under `results/`."""
        return scenario_name(self.file)

    @property
    def neighbours(self) -> tuple[str, ...]:
        """Names of the requests that every user also sends, in every variant."""
        return tuple(request.name for request in self.requests)

    @property
    def isolated_because(self) -> str:
        """Why each run of a round has the machine to itself; empty if the targets of a round are loaded in turns."""
        load, repeated = self.load, self.repeated_variants
        requests = [*self.requests, *repeated]
        reasons = {
            "interleave = false": not self.repeat.interleave,
            "there is one variant": len(repeated) < MIN_INTERLEAVED,
            f"more than {MAX_INTERLEAVED} targets at once are too many": len(repeated) > MAX_INTERLEAVED,
            f"its targets would have over {MAX_CONNECTIONS} connections": len(repeated) * load.users > MAX_CONNECTIONS,
            "the target runs elsewhere": self.target.url is not None,
            "requests are due on a schedule": load.is_open,
            "several generators share the load": load.generators > 1 or load.remote_workers > 0,
            "the services keep state between runs": bool(self.services),
            "work goes on after the answers": any(each.receipt and each.receipt.until for each in repeated),
            "work goes on when a client hangs up": any(each.hang_up for each in requests),
            "its server is started by a command of its own": any(each.served.command for each in repeated),
            "a server with several workers cannot be stopped": any(each.served.workers > 1 for each in repeated),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    @property
    def repeated_variants(self) -> tuple[Variant, ...]:
        """The variants measured in rounds."""
        names = self.repeat.variants
        return tuple(each for each in self.variants if names is None or each.name in names)

    def user_classes(self, variant: Variant) -> tuple[str, ...]:
        """Return the locustfile's user classes that load a variant; empty: all of them, or there is no locustfile."""
        return tuple(variant.user_classes or self.load.user_classes)

    def load_of(self, variant: Variant) -> str:
        """Return what loads a variant: its request, `GET /search?q=shoes`, or the users of a locustfile."""
        if self.load.locustfile is None:
            return f"{variant.method} {variant.request_target}"
        if classes := self.user_classes(variant):
            return f"users {', '.join(classes)}"
        return f"all users of {Path(self.load.locustfile).name}"

    def request_values(self, variant: Variant) -> dict[str, Any]:
        """Return the same as values for a program. Users of a locustfile have neither method nor path."""
        if self.load.locustfile is not None:
            return {"method": None, "path": None, "user_classes": list(self.user_classes(variant))}
        return {"method": variant.method, "path": variant.request_target}

    def without(self, names: Collection[str]) -> "Scenario":
        """Returns the scenario without these variants; each pair is compared if the baseline is one of them."""
        variants = [each for each in self.variants if each.name not in names]
        return self.model_copy(
            update={"variants": variants, "baseline": None if self.baseline in names else self.baseline}
        )

    def variant(self, slug: str) -> Variant:
        """Return the variant with this slug."""
        return next(each for each in self.variants if each.slug == slug)

    def timeline(self, slug: str) -> Timeline:
        """Return the timeline with this slug."""
        return next(each for each in self.timelines if each.slug == slug)

    @property
    def settings(self) -> dict[str, str]:
        """Every setting, defaults included, as a JSON value by dotted key. Secrets are hidden."""
        return {key: json.dumps(value) for key, value in leaves("", self.model_dump(mode="json"))}


def leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value in a table by its dotted key, as in `variants[0].path`; a list of values is one value."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from leaves(f"{key}.{name}" if key else name, item)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from leaves(f"{key}[{index}]", item)
    else:
        yield key, value


def _check_known(asked: Sequence[tuple[tuple[str, int], PlainRequest, frozenset[str]]]) -> None:
    """Check the placeholders of requests, each with its place and the names that are known to it."""
    unknown = [
        (at, name, known)
        for at, request, known in asked
        for name in sorted(request.placeholders - known)
        if not name.startswith("$")
    ]
    if unknown:
        at, name, known = unknown[0]
        more = sum(other == name for _, other, _ in unknown) - 1
        listed = f" (known here: {', '.join(sorted(known - {UNIQUE}))})" if known > {UNIQUE} else ""
        too = f"; {more} more {'request needs' if more == 1 else 'requests need'} it" if more else ""
        reason = "'{name}' has no value here: capture it in an earlier [[before]], or add it to [data]{listed}{too}"
        context = {"name": name, "listed": listed, "too": too, "at": at}
        raise PydanticCustomError("placeholder", reason, context)
    for at, request, known in asked:
        filled = (name for name in names_in(request.expect.json_) if name in known or name.startswith("$"))
        if name := next(filled, ""):
            reason = "expect.json is compared as written: the placeholder '{name}' is not filled in there"
            raise PydanticCustomError("placeholder", reason, {"name": name, "at": (*at, "expect", "json")})


def scenario_name(file: Path) -> str:
    """Return the name of a scenario file's folder under `results/`."""
    return slugs([file.stem])[0]


def slugs(names: Iterable[str]) -> tuple[str, ...]:
    """Return short names that are safe in paths, in the given order; duplicates get a number."""
    result: list[str] = []
    for name in names:
        base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:36].strip("-") or "x"
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        result.append(next(slug for slug in itertools.chain([base], numbered) if slug not in result))
    return tuple(result)
