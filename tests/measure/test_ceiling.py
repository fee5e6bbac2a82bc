"""The generator's own ceiling is measured once for a session, by the kind of user the session has."""

from pathlib import Path

import pytest

from loopbench.errors import DataError
from loopbench.measure import ceiling
from loopbench.measure.machine import Cores
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.records.codec import to_json
from loopbench.records.own_ceiling import CEILING_FILE, OwnCeiling, read_own_ceiling
from loopbench.scenario.load_settings import Load

NOT_PINNED = Cores((), ())
ALONE = Load()
KNOWN = OwnCeiling(rps=50_000.0, client="llhttp", generators=1, users=100, window_s=3.0, generator_cpu_share=0.97)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many generators a ceiling was measured for; nothing is started."""
    asked: list[int] = []

    def measure(folder: Path, *, load: Load, **_: object) -> OwnCeiling:
        assert list(folder.iterdir()) == []
        asked.append(load.generators)
        return OwnCeiling(**(vars(KNOWN) | {"generators": load.generators}))

    monkeypatch.setattr(ceiling, "measure_own_ceiling", measure)
    return asked


def ask(folder: Path, load: Load = ALONE) -> OwnCeiling | None:
    return ceiling.own_ceiling(folder, load=load, cores=NOT_PINNED, stop=StopWish())


def test_a_session_has_it_measured_once(tmp_path: Path, measured: list[int]) -> None:
    assert ask(tmp_path) == ask(tmp_path) == read_own_ceiling(tmp_path) == KNOWN
    assert measured == [1]
    assert [path.name for path in tmp_path.iterdir()] == [CEILING_FILE], "its record is gone"


def test_another_number_of_generators_has_another_ceiling(tmp_path: Path, measured: list[int]) -> None:
    (tmp_path / CEILING_FILE).write_text(to_json(KNOWN))
    ask(tmp_path, Load(generators=2))
    assert measured == [2]


@pytest.mark.parametrize(
    "load",
    [Load(remote_workers=2, master_bind="127.0.0.1"), Load(locustfile="journeys.py")],
    ids=["remote", "journeys"],
)
def test_some_users_cannot_ask_our_server(tmp_path: Path, measured: list[int], load: Load) -> None:
    assert ask(tmp_path, load) is None
    assert measured == []
    assert read_own_ceiling(tmp_path) is None


@pytest.mark.parametrize(
    ("load", "needed"),
    [
        (Load(users=100, think_time_s=(0.1, 0.5)), False),
        (Load(users=101, think_time_s=(0.1, 0.5)), True),
        (Load(users=100, think_time_s=(0.0, 9.0)), True),
        (Load(users=1, steps=[1, 2000], think_time_s=(1.0, 1.0)), True),
        (Load(mode="open", rate=(10.0, 1_000.0)), False),
        (Load(mode="open", rate=(10.0, 1_001.0)), True),
    ],
    ids=str,
)
def test_a_load_that_any_generator_can_send_needs_no_ceiling(
    tmp_path: Path, measured: list[int], load: Load, needed: bool
) -> None:
    assert (ask(tmp_path, load) is not None) is needed
    assert bool(measured) is needed


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / CEILING_FILE).write_text('{"rps": "fast"}')
    with pytest.raises(DataError, match="rps"):
        read_own_ceiling(tmp_path)


@pytest.mark.real
def test_the_real_generator_has_a_ceiling_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ceiling, "WINDOW_S", 1.0)
    found = ask(tmp_path)
    assert found is not None
    assert found.rps > 100
    assert (found.client, found.generators, found.window_s) == ("llhttp", 1, 1.0)


@pytest.mark.real
def test_a_wish_to_stop_ends_it(tmp_path: Path) -> None:
    stop = StopWish()
    stop.signal_number = 15
    with pytest.raises(InterruptedRunError):
        ceiling.own_ceiling(tmp_path, load=ALONE, cores=NOT_PINNED, stop=stop)
