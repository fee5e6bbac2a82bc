"""What `pip install` brings: one name, and commands that work from any folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.measure.ceiling import LISTENING, SERVER
from tests.faults.faults import Measuring

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.real
SHORT = ("load.users=2", "load.spawn_rate=2", "load.hold_s=1", "load.warmup_s=0.2")
MEASURED = (ExitCode.OK, ExitCode.CANNOT_TELL)
"""A run beside other tests may be INVALID, but it is complete and drawn."""

OWN_PACKAGES = ("plots", "probe", "locustfiles", "target_app", "scenarios")

WRITE_CONNECTIONS = """
import sys

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        address = arguments[0] if event == "socket.getaddrinfo" else arguments[-1]
        with open({file!r}, "a") as file:
            print(address[0] if isinstance(address, tuple) else address, file=file)

sys.addaudithook(note)
"""
"""Runs at the start of every Python process of the environment: harness, generator and target."""


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site-packages of an environment with the wheel of this checkout, beside the dependencies of ours."""
    folder = tmp_path_factory.mktemp("wheel")
    ours("hatchling", "build", "-t", "wheel", "-d", str(folder))
    ours("venv", "--without-pip", str(folder / "env"))
    pip = ("pip", "--python", str(folder / "env" / "bin" / "python"), "--disable-pip-version-check")
    ours(*pip, "install", "--quiet", "--no-deps", "--no-index", *map(str, folder.glob("*.whl")))
    (found,) = (folder / "env").glob("lib/python*/site-packages")
    (folder / "connections.py").write_text(WRITE_CONNECTIONS.format(file=str(folder / "connections.txt")))
    lines = (sysconfig.get_path("purelib"), str(folder), "import connections")
    (found / "dependencies.pth").write_text("\n".join(lines))
    return found


def ours(*module: str) -> None:
    """Run a module of this environment."""
    subprocess.run([sys.executable, "-m", *module], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages that are called like folders of ours; importing one of them fails."""
    for name in OWN_PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError(__name__)\n")
    return tmp_path


def command(site_packages: Path, name: str) -> str:
    """A command of the environment."""
    return str(site_packages.parents[2] / "bin" / name)


def call(site_packages: Path, folder: Path, *arguments: str) -> str:
    """Run the installed command in a folder that is on its PYTHONPATH; return what it prints."""
    env = os.environ | {"PYTHONPATH": "."}
    line = [command(site_packages, "loopbench"), *arguments]
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in MEASURED, done.stderr
    return done.stdout


def test_only_one_name_is_installed(site_packages: Path) -> None:
    names = {path.name for path in site_packages.iterdir() if path.suffix not in {".dist-info", ".pth"}}
    assert names == {"loopbench"}


def test_the_bundled_scenarios_are_found_by_name(site_packages: Path, project: Path) -> None:
    assert "file_write  Writing a file, four ways" in call(site_packages, project, "list")
    assert "served by uvicorn" in call(site_packages, project, "plan", "file_write")


def test_the_server_for_the_generator_s_ceiling_starts_and_listens_on_loopback(
    site_packages: Path, project: Path
) -> None:
    line, env = [command(site_packages, "python"), "-P", "-m", SERVER], os.environ | {"PYTHONPATH": "."}
    with subprocess.Popen(line, cwd=project, env=env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        server.terminate()
    assert first.startswith(f"{LISTENING}http://127.0.0.1:")


def test_a_project_with_the_same_names_measures_and_draws_and_connects_to_loopback_only(
    site_packages: Path, project: Path
) -> None:
    settings = [part for each in SHORT for part in ("--set", each)]
    loopbench = (command(site_packages, "loopbench"),)
    arguments, env = ("wait_alone", "--rounds", "0", *settings), {"PYTHONPATH": "."}
    with Measuring(project, *arguments, command=loopbench, env=env) as measuring:
        measuring.record_ceiling()
        done = measuring.end()
    assert done.code in MEASURED, done.stderr
    (page,) = project.glob("results/wait-alone/*/report.html")
    page.unlink()
    call(site_packages, project, "report")
    assert page.exists()
    connections = (site_packages.parents[3] / "connections.txt").read_text().splitlines()
    assert set(connections) == {"127.0.0.1"}
