"""Every sick app gets its class, its line and its advice: from recordings every time, and live."""

from pathlib import Path
from typing import Final

import pytest

from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind
from tests import sick_recordings
from tests.sick_labels import APPS, LABELS, RAMP, REPORTED, Label, Sighting, everything, measured, wrong

MAX_RUN_QUEUE: Final = 0.1
"""The condition of a live measurement: the loop's thread got a CPU without delay for nine tenths of the time."""
MAX_TRIES: Final = 3
"""A measurement that met the condition is never repeated, so a wrong diagnosis fails at once."""

LIVE = [
    pytest.param(label, id=label.slug, marks=[pytest.mark.real, *([] if label.live else [pytest.mark.nightly])])
    for label in LABELS
]


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.slug)
def test_a_recording_of_each_app_gets_its_class_its_line_and_its_advice(label: Label, tmp_path: Path) -> None:
    diagnosis = sick_recordings.read(label, tmp_path).diagnosis(tmp_path, label)
    problem = wrong(label, diagnosis, sick_recordings.RECORDED_APPS)
    assert not problem, f"{problem}: {everything(diagnosis)}"
    if label is RAMP:
        check_starved(diagnosis)


@pytest.mark.parametrize("label", LIVE)
def test_each_app_as_it_runs_gets_its_class_its_line_and_its_advice(
    label: Label, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where this machine never gave the target its CPU, the delay itself must have been seen instead."""
    sighting, diagnosis = undisturbed(label, tmp_path_factory)
    if sighting.run_queue > MAX_RUN_QUEUE:
        assert diagnosis.figures is not None
        assert diagnosis.figures.seconds_seen > 0
        assert diagnosis.figures.run_queue == sighting.run_queue
        return
    problem = wrong(label, diagnosis, APPS)
    assert not problem, f"{problem}: {everything(diagnosis)}"
    if label is RAMP:
        check_starved(diagnosis)


def undisturbed(label: Label, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sighting, Diagnosis]:
    """The first measurement whose target got its CPU, or whose diagnosis is right all the same; else the last one."""
    for _ in range(MAX_TRIES):
        folder = tmp_path_factory.mktemp(label.app)
        sighting = measured(folder, label)
        diagnosis = sighting.diagnosis(folder, label)
        if sighting.run_queue <= MAX_RUN_QUEUE or not wrong(label, diagnosis, APPS):
            break
    return sighting, diagnosis


def check_starved(diagnosis: Diagnosis) -> None:
    """After T seconds of blocks of B seconds about sqrt(2 T / B) users have been served: 32 of 100 here."""
    assert diagnosis.figures is not None
    load = diagnosis.figures.load
    assert load.users >= 95, "the users came"
    assert load.never_served is not None
    assert 60 <= load.never_served <= 80, load
    (starved,) = [finding for finding in diagnosis.also if finding.kind == Kind.ACCEPT_STARVATION]
    assert f"{load.never_served} of {load.users} users never had an answer" in starved.sentence


def test_every_label_has_its_recording_and_no_other_is_kept() -> None:
    assert {path.name for path in sick_recordings.FOLDER.iterdir()} == {
        sick_recordings.path_of(label).name for label in LABELS
    }


def test_every_class_of_the_small_apps_is_measured_live_every_time() -> None:
    """Those of public reports need longer, and are measured nightly."""
    small = [label for label in LABELS if label not in REPORTED]
    assert {label.kind for label in small if label.live} == {label.kind for label in small}
