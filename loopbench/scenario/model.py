"""The model of a whole scenario: its tables, and the checks that need more than one of them."""

import itertools
import re
from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.claims import Claim
from loopbench.scenario.gates import Gate, check_gates
from loopbench.scenario.load_settings import Load, Repeat
from loopbench.scenario.requests import Request, Variant
from loopbench.scenario.services import ServiceNames
from loopbench.scenario.target import Target
from loopbench.scenario.timelines import Timeline
from loopbench.scenario.values import MAX_VARIANTS, PATH_PATTERN, Strict, Text


class Scenario(Strict):
    """A whole, valid scenario."""

    title: Text
    """Heading of charts and pages."""
    question: Text
    """The question that the session answers, in one sentence."""
    source: str = Field(default="", max_length=1_000)
    """Where the question comes from."""
    target: Target
    """The app under test."""
    load: Load = Load()
    """How many users, how fast they come, how long they stay."""
    repeat: Repeat = Repeat()
    """How often runs are repeated."""
    services: ServiceNames = Field(default=[])
    """Services that the routes use: your own, named by an environment variable, or embedded (docs/services.md)."""
    requests: list[Request] = Field(default=[], max_length=32)
    """Neighbours: requests that every user also sends, in every variant."""
    variants: list[Variant] = Field(min_length=1, max_length=MAX_VARIANTS)
    """Ways to do the work, which are compared."""
    baseline: str | None = None
    """Name of the variant that the others are compared with; if absent, each is compared with each."""
    timelines: list[Timeline] = Field(default=[], max_length=16)
    """A few requests sent at once, to see which waits for which."""
    claims: list[Claim] = Field(default=[], max_length=64)
    """What a source claims about the variants; the report answers it (docs/claims.md)."""
    expect: list[Gate] = Field(default=[], max_length=64)
    """Figures and their limits: gates that decide the exit code (docs/ci.md)."""

    _file: Path = PrivateAttr()
    _slugs: tuple[str, ...] = PrivateAttr()

    @field_validator("variants")
    @classmethod
    def _check_unique_names(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        taken = {request.name for request in info.data.get("requests", [])}
        for index, variant in enumerate(variants):
            if variant.name in taken:
                context = {"name": repr(variant.name), "index": index}
                raise PydanticCustomError("unique", "two requests or variants are called {name}", context)
            taken.add(variant.name)
        return variants

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
    def _check_services_reach_target(cls, services: list[str], info: ValidationInfo) -> list[str]:
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
        changing = [each.name for each in variants if each.target.model_fields_set]
        if changing and target is not None and target.url is not None:
            context = {"name": repr(changing[0])}
            raise PydanticCustomError("elsewhere", "{name} sets a target that runs elsewhere ([target] url)", context)
        return variants

    @field_validator("variants")
    @classmethod
    def _check_repeated_variants(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        names = [variant.name for variant in variants]
        repeated = getattr(info.data.get("repeat"), "variants", None) or []
        unknown = next((name for name in repeated if name not in names), None)
        if unknown is not None:
            context = {"name": repr(unknown), "names": ", ".join(names)}
            raise PydanticCustomError("repeated", "{name} is none of the variants: {names}", context)
        return variants

    @field_validator("baseline")
    @classmethod
    def _check_baseline(cls, value: str | None, info: ValidationInfo) -> str | None:
        names = [variant.name for variant in info.data.get("variants", [])]
        names = getattr(info.data.get("repeat"), "variants", None) or names
        if names and value not in names:
            raise PydanticCustomError("baseline", "one of the variants: {names}", {"names": ", ".join(names)})
        return value

    @field_validator("variants")
    @classmethod
    def _check_hang_up_client(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        user = getattr(info.data.get("load"), "user", "llhttp")
        leaving = [each.name for each in [*info.data.get("requests", []), *variants] if each.hang_up]
        if leaving and user != "llhttp":
            context = {"name": repr(leaving[0]), "user": user}
            raise PydanticCustomError("hang_up", '{name} hangs up, which user = "{user}" cannot do', context)
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
            raise PydanticCustomError("timeline", "{odd} is no path and no request's name", {"odd": repr(odd)})
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
        """Store the file, which paths are relative to, and compute the slugs."""
        context: dict[str, Path] = info.context or {}
        self._file = context["file"]
        self._slugs = slugs([variant.name for variant in self.variants])
        return self

    @property
    def file(self) -> Path:
        """The file it was read from."""
        return self._file

    @property
    def baseline_slug(self) -> str:
        """Slug of the variant that the others are compared with; empty when each is compared with each."""
        return next((self.slug(index) for index, each in enumerate(self.variants) if each.name == self.baseline), "")

    def variant(self, slug: str) -> Variant:
        """Return the variant with this slug."""
        return self.variants[self._slugs.index(slug)]

    @property
    def timeline_slugs(self) -> tuple[str, ...]:
        """Slugs of the timelines, in order."""
        return slugs([timeline.name for timeline in self.timelines])

    def timeline(self, slug: str) -> Timeline:
        """Return the timeline with this slug."""
        return self.timelines[self.timeline_slugs.index(slug)]

    @property
    def name(self) -> str:
        """Name of the scenario's folder under `results/`."""
        return slugs([self._file.stem])[0]

    def slug(self, index: int) -> str:
        """Return a variant's name in paths: `[a-z0-9-]`, at most 40 characters, unique in the scenario."""
        return self._slugs[index]

    @property
    def slugs(self) -> tuple[str, ...]:
        """Slugs of the variants, in the scenario's order."""
        return self._slugs

    @property
    def repeated_slugs(self) -> tuple[str, ...]:
        """Slugs of the variants measured in rounds, in the scenario's order."""
        names = self.repeat.variants
        wanted = zip(self._slugs, self.variants, strict=True)
        return tuple(slug for slug, variant in wanted if names is None or variant.name in names)

    def target_of(self, variant: Variant) -> Target:
        """Return the target's settings for one variant."""
        return self.target.merged(variant.target)


def slugs(names: list[str]) -> tuple[str, ...]:
    """Return short names that are safe in paths, in the given order; duplicates get a number."""
    result: list[str] = []
    for name in names:
        base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:36].strip("-") or "x"
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        result.append(next(slug for slug in itertools.chain([base], numbered) if slug not in result))
    return tuple(result)
