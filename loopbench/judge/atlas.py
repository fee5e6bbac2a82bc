"""Every claim of every scenario with its answer, over many sessions: what `atlas.html` and `atlas.json` are made of."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from loopbench.judge import figures
from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.insights_summary import claim_values
from loopbench.records.schemas import with_schema
from loopbench.scenario.claims import Claim

ATLAS_FORMAT: Final = 1  # Of `atlas.json`. Raise it when a reader of the old one would misread the new one.

OTHER_SOURCES: Final = "other sources"


@dataclass(frozen=True)
class AtlasClaim:
    """One claim, its answer, and why the two variants it is about are as fast as they are."""

    answer: ClaimAnswer
    because: str  # half a sentence; empty where nothing was measured

    @property
    def cell(self) -> str:
        """For one cell of a table of text: the word and the figures; the reason only of what is not decided."""
        answer = self.answer
        if answer.claim.receipt_key is not None or answer.measured is None:
            return f"{answer.answer}: {answer.reason}"
        ends = answer.interval
        interval = "" if ends is None else f", {figures.interval((ends.low, ends.high))}"
        reason = f"; {answer.reason}" if answer.answer is Answer.NOT_DECIDED else ""
        return f"{answer.answer}: ratio {figures.ratio(answer.measured)}{interval}{reason}"


@dataclass(frozen=True)
class AtlasEntry:
    """One scenario of the atlas."""

    scenario: str
    title: str
    session: str  # folder, relative to the atlas page; empty: none
    measured: str  # when that session began, ISO 8601, UTC; empty: none
    stamp: str  # the session's label; empty: none
    claims: tuple[AtlasClaim, ...]
    trouble: str  # why it was not measured, or not to its end; empty: it was
    remedy: str  # the one command that helps, if one is known

    @property
    def not_measured(self) -> str:
        """The trouble as a sentence; empty if there is none."""
        if not self.trouble:
            return ""
        return f"not measured{' to the end' if self.session else ''}: {self.trouble}" + (
            f"; try: {self.remedy}" if self.remedy else ""
        )


class NotAsked(NamedTuple):
    """A claim that no scenario can ask, with the reason."""

    source: str
    what: str
    why: str


class Group(NamedTuple):
    """The claims of one source document, each with its scenario."""

    title: str
    rows: tuple[tuple[AtlasEntry, AtlasClaim], ...]
    not_asked: tuple[NotAsked, ...]


@dataclass(frozen=True)
class Atlas:
    """All scenarios, in order."""

    made: str  # ISO 8601, UTC
    entries: tuple[AtlasEntry, ...]
    not_asked: tuple[NotAsked, ...]
    sources: Mapping[str, str]  # title by the first part of a claim's id

    @property
    def counts(self) -> dict[str, int]:
        """How many claims have each answer, every answer named."""
        counted = Counter(claim.answer.answer for entry in self.entries for claim in entry.claims)
        return {answer.value: counted[answer] for answer in Answer}

    @property
    def sentence(self) -> str:
        """The counts in words."""
        measured = sum(1 for entry in self.entries if entry.session)
        parts = ", ".join(f"{count} {word}" for word, count in self.counts.items())
        total = sum(self.counts.values())
        return f"{total} claims in {len(self.entries)} scenarios, {measured} of them measured: {parts}."

    @property
    def groups(self) -> tuple[Group, ...]:
        """By source document; what has none comes last."""
        return tuple(group for group in self._all_groups() if group.rows or group.not_asked)

    @property
    def cells(self) -> dict[str, str]:
        """By claim id, for a table of text; claims whose scenario was not measured to its end are absent."""
        measured = (entry for entry in self.entries if entry.session and not entry.trouble)
        return {claim.answer.claim.id: claim.cell for entry in measured for claim in entry.claims}

    def _all_groups(self) -> Iterator[Group]:
        for prefix, title in [*self.sources.items(), ("", OTHER_SOURCES)]:
            rows = [
                (entry, claim)
                for entry in self.entries
                for claim in entry.claims
                if self._prefix(claim.answer.claim.id) == prefix
            ]
            yield Group(
                title, tuple(rows), tuple(each for each in self.not_asked if self._prefix(each.source) == prefix)
            )

    def _prefix(self, text: str) -> str:
        return next((prefix for prefix in self.sources if text.startswith(prefix)), "")


def answered(report: SessionReport, claims: Sequence[Claim]) -> tuple[AtlasClaim, ...]:
    """The claims of a measured session, in the words that the scenario has for them today."""
    today = {claim.id: claim for claim in claims}
    causes = {run.variant.name: str(run.diagnosis.kind) for run in report.runs}
    causes |= {timeline.name: timeline.sentence.removesuffix(".") for timeline in report.timelines}
    return tuple(AtlasClaim(_reworded(answer, today), _because(answer.claim, causes)) for answer in report.claims)


def _reworded(answer: ClaimAnswer, today: Mapping[str, Claim]) -> ClaimAnswer:
    known = today.get(answer.claim.id, answer.claim)
    return replace(answer, claim=answer.claim.model_copy(update={"text": known.text, "where": known.where}))


def unanswered(claims: Sequence[Claim], why: str) -> tuple[AtlasClaim, ...]:
    """The claims of a scenario without a session."""
    return tuple(AtlasClaim(ClaimAnswer(claim, Answer.NOT_DECIDED, None, None, why), "") for claim in claims)


def atlas_values(atlas: Atlas) -> dict[str, Any]:
    """`atlas.json`, as plain values."""
    content = {
        "made": atlas.made,
        "counts": atlas.counts,
        "scenarios": [_entry(entry) for entry in atlas.entries],
        "not_asked": [each._asdict() for each in atlas.not_asked],
    }
    return with_schema("atlas", ATLAS_FORMAT, content)


def _entry(entry: AtlasEntry) -> dict[str, Any]:
    return {
        "scenario": entry.scenario,
        "title": entry.title,
        "session": entry.session or None,
        "measured": entry.measured or None,
        "stamp": entry.stamp or None,
        "not_measured": entry.not_measured or None,
        "claims": [claim_values(claim.answer) | {"because": claim.because or None} for claim in entry.claims],
    }


def _because(claim: Claim, causes: Mapping[str, str]) -> str:
    named = [name for name in (claim.a, claim.b) if name is not None and name in causes]
    return "; ".join(f"{name}: {causes[name]}" for name in named)
