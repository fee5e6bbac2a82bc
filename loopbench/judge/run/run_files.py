"""A complete run's folder, opened: its record, its samples, and which variant it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from loopbench.errors import DataError
from loopbench.judge.run.samples import Samples, read_samples
from loopbench.records.session import (
    KIND_TIMELINE,
    SAMPLES_GLOB,
    Phase,
    RecordedVariant,
    RunRecord,
    file_facts,
    read_run,
    run_folders,
)


@dataclass(frozen=True)
class RunFiles:
    """What everything that is said of a run is made of."""

    folder: Path
    record: RunRecord
    samples: Samples
    variant: RecordedVariant

    def phase(self, name: str) -> Phase:
        """A phase by name; one that did not happen lasts no time at the end."""
        phases = self.record.phases
        end = phases[-1].end_s if phases else 0.0
        return next((phase for phase in phases if phase.name == name), Phase(name, end, end))


def open_run(folder: Path, variants: tuple[RecordedVariant, ...]) -> RunFiles:
    """Read one complete run folder.

    Raises:
        DataError: its samples cannot be read or are not what they were, or it belongs to another scenario.
        DataError: its `run.json` is damaged or of another format.
    """
    record = read_run(folder)
    _check_untouched(folder, record)
    variant = next((each for each in variants if each.slug == record.variant), None)
    if variant is None:
        raise DataError(f"no variant {record.variant!r} is in session.json", slug="run-foreign", where=str(folder))
    return RunFiles(folder, record, read_samples(folder, record.nonce), variant)


def load_folders(session_folder: Path) -> Iterator[Path]:
    """The complete runs that were under load, in order: a timeline's few requests leave no samples."""
    for folder in run_folders(session_folder):
        if f"-{KIND_TIMELINE}-" not in folder.name:
            yield folder


def _check_untouched(folder: Path, record: RunRecord) -> None:
    """The samples must be what they were when the run was finished."""
    found = {fact.name: fact for fact in file_facts(folder)}
    for fact in record.files:
        if fnmatch(fact.name, SAMPLES_GLOB) and found.get(fact.name) != fact:
            raise DataError(
                f"{fact.name} is not what it was when the run was finished",
                slug="samples-changed",
                where=str(folder),
                allowed=f"{fact.size_bytes} bytes with checksum {fact.crc32}",
            )
