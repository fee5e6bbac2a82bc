"""The generator's own ceiling is measured once for a session, by the kind of user the session has."""

from pathlib import Path

import pytest

from loopbench.errors import DataError
from loopbench.measure import ceiling
from loopbench.measure.generators import GeneratorLayout
from loopbench.measure.load import ALONE
from loopbench.measure.machine import Cores
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.records.codec import to_json
from loopbench.records.own_ceiling import CEILING_FILE, OwnCeiling, read_own_ceiling

NOT_PINNED = Cores((), ())
KNOWN = OwnCeiling(rps=50_000.0, client="llhttp", generators=1, users=100, window_s=3.0, generator_cpu_share=0.97)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which clients a ceiling was measured for; nothing is started."""
    asked: list[str] = []

    def measure(folder: Path, *, client: str, **_: object) -> OwnCeiling:
        assert list(folder.iterdir()) == []
        asked.append(client)
        return OwnCeiling(**(vars(KNOWN) | {"client": client}))

    monkeypatch.setattr(ceiling, "measure_own_ceiling", measure)
    return asked


def ask(folder: Path, client: str = "llhttp", layout: GeneratorLayout = ALONE) -> OwnCeiling | None:
    return ceiling.own_ceiling(folder, client=client, layout=layout, cores=NOT_PINNED, stop=StopWish())


def test_a_session_has_it_measured_once(tmp_path: Path, measured: list[str]) -> None:
    assert ask(tmp_path) == ask(tmp_path) == read_own_ceiling(tmp_path) == KNOWN
    assert measured == ["llhttp"]
    assert [path.name for path in tmp_path.iterdir()] == [CEILING_FILE], "its record is gone"


@pytest.mark.parametrize(("client", "layout"), [("fast", GeneratorLayout()), ("llhttp", GeneratorLayout(here=2))])
def test_another_kind_of_generator_has_another_ceiling(
    tmp_path: Path, measured: list[str], client: str, layout: GeneratorLayout
) -> None:
    (tmp_path / CEILING_FILE).write_text(to_json(KNOWN))
    ask(tmp_path, client, layout)
    assert measured == [client]


def test_users_on_other_machines_cannot_reach_our_server(tmp_path: Path, measured: list[str]) -> None:
    assert ask(tmp_path, layout=GeneratorLayout(elsewhere=2)) is None
    assert measured == []
    assert read_own_ceiling(tmp_path) is None


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / CEILING_FILE).write_text('{"rps": "fast"}')
    with pytest.raises(DataError, match="rps"):
        read_own_ceiling(tmp_path)


@pytest.mark.parametrize(("share", "is_lower"), [(0.97, False), (0.6, True), (None, True)])
def test_a_generator_that_was_not_full_might_reach_more(share: float | None, is_lower: bool) -> None:
    assert OwnCeiling(**(vars(KNOWN) | {"generator_cpu_share": share})).is_lower_bound is is_lower


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
        ceiling.own_ceiling(tmp_path, client="llhttp", layout=GeneratorLayout(), cores=NOT_PINNED, stop=stop)
