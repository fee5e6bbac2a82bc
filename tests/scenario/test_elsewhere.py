"""Targets and generators on other machines: allowed keys and impossible combinations."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
from loopbench.measure.generators import ANY_PORT, LOOPBACK, master_options
from loopbench.scenario import Scenario, load

HERE = 'app = "main:app"'
ELSEWHERE = 'url = "http://10.0.0.7:8000"'
WORKERS = 'remote_workers = 2\nmaster_bind = "10.0.0.5"'


def scenario(folder: Path, target: str = ELSEWHERE, of_load: str = "", more: str = "") -> Scenario:
    """Load a scenario with these lines in its tables."""
    file = folder / "case.toml"
    variant = '[[variants]]\nname = "a"\npath = "/a"\n'
    file.write_text(f'title = "t"\nquestion = "q"\n[target]\n{target}\n[load]\n{of_load}\n{variant}{more}')
    return load(file)


@pytest.mark.parametrize(
    ("target", "of_load", "more", "words"),
    [
        pytest.param("", "", "", "'app' is missing module:attribute, or the url", id="neither app nor url"),
        pytest.param(f"{HERE}\n{ELSEWHERE}", "", "", "url excludes app", id="app and url"),
        pytest.param(
            f"{ELSEWHERE}\nworkers = 2\nloop = 'asyncio'", "", "", "url excludes loop and workers", id="settings"
        ),
        pytest.param('url = "http://user:secret@host"', "", "", "scheme, host and port", id="userinfo"),
        pytest.param('url = "http://host:80/path"', "", "", "scheme, host and port", id="path"),
        pytest.param('url = "http://host:99999"', "", "", "a port from 1 to 65,535", id="port"),
        pytest.param('url = "http://host:0"', "", "", "a port from 1 to 65,535", id="port 0"),
        pytest.param('url = "http://a..b:80"', "", "", "a host's name", id="host"),
        pytest.param(f'{HERE}\nprobe_dir = "."', "", "", "needs url", id="probe_dir alone"),
        pytest.param(f'{ELSEWHERE}\nprobe_dir = "nowhere"', "", "", "there is no folder", id="no probe_dir"),
        pytest.param(
            ELSEWHERE, "", "[variants.target]\nworkers = 2", "'a' changes a target", id="a variant's settings"
        ),
        pytest.param(HERE, WORKERS, "", "this machine's loopback only", id="remote workers, own target"),
        pytest.param(ELSEWHERE, "remote_workers = 2", "", "remote_workers need it", id="no bind"),
        pytest.param(ELSEWHERE, 'master_bind = "10.0.0.5"', "", "needs remote_workers", id="bind alone"),
        pytest.param(ELSEWHERE, f"generators = 2\n{WORKERS}", "", "either processes here or", id="both"),
        pytest.param(HERE, "users = 2\ngenerators = 3", "", "each generator needs one", id="idle generators"),
    ],
)
def test_impossible_combinations_are_named(tmp_path: Path, target: str, of_load: str, more: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(tmp_path, target, of_load, more)
    found = " ".join(f"{problem.message} {problem.allowed}" for problem in caught.value.problems)
    assert words in found
    assert "secret" not in found.replace("'http://user:secret@host'", "")


@pytest.mark.parametrize(
    ("target", "of_load", "processes", "address"),
    [
        pytest.param(HERE, "", 1, None, id="one process"),
        pytest.param(HERE, "generators = 3", 3, (LOOPBACK, ANY_PORT), id="cores"),
        pytest.param(ELSEWHERE, WORKERS, 2, ("10.0.0.5", 5557), id="machines"),
        pytest.param(ELSEWHERE, f"{WORKERS}\nmaster_port = 9999", 2, ("10.0.0.5", 9999), id="a port"),
    ],
)
def test_how_a_load_is_spread(
    tmp_path: Path, target: str, of_load: str, processes: int, address: tuple[str, int] | None
) -> None:
    """A port without a password must not be open to others by default."""
    load = scenario(tmp_path, target, of_load).load
    assert (load.processes, load.has_master) == (processes, address is not None)
    if address is not None:
        given = master_options(load)
        assert [given[given.index(f"--master-bind-{part}") + 1] for part in ("host", "port")] == [*map(str, address)]
