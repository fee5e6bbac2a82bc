"""The import contracts of docs/architecture.md: which package may import which."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {"pandas", "scipy", "matplotlib", "numpy", "locust", "gevent", "fastapi", "pydantic", "psutil"}


def test_every_import_contract_holds() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_probe_imports_nothing_but_the_standard_library_and_itself() -> None:
    """It runs inside the user's process, in the user's environment; what it finds there it looks up, never imports."""
    foreign = {
        f"{path.name}: {name}"
        for path in (ROOT / "probe").rglob("*.py")
        for name in _imported(path)
        if name not in sys.stdlib_module_names and not name.startswith("loopbench_probe")
    }
    assert not foreign


def test_the_target_app_imports_nothing_of_ours() -> None:
    """It may run in an environment without loopbench, and under the name `target_app` or a longer one."""
    assert not {
        f"{path.name}: {name}"
        for path in (ROOT / "target_app").rglob("*.py")
        for name in _imported(path)
        if name.startswith("loopbench") or name in {"target_app", "plots", "locustfiles", "tests"}
    }


EVERY_MODULE = """
import importlib, os, pkgutil, sys
import locust, loopbench
for found in pkgutil.walk_packages(loopbench.__path__, "loopbench."):
    if found.name not in ("loopbench.__main__", "loopbench.locustfiles.ui"):  # these two are programs
        importlib.import_module(found.name)
for name, module in sorted(sys.modules.items()):
    if name != "__main__" and getattr(module, "__file__", None):
        print(name, os.path.realpath(module.__file__), sep="\\t")
"""


def test_every_module_of_ours_has_one_name() -> None:
    """The links inside the package must not lead to a second copy of a module."""
    command = [sys.executable, "-c", EVERY_MODULE]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    pairs = [line.split("\t") for line in done.stdout.splitlines()]
    ours = [name for name, file in pairs if Path(file).is_relative_to(ROOT) and ".venv" not in file]
    assert [name for name in ours if not name.startswith("loopbench.") and name != "loopbench"] == []
    files = [file for name, file in pairs if name in ours]
    assert len(files) == len(set(files)) > 300


def test_the_command_line_starts_without_anything_heavy() -> None:
    """Time is not asserted here; what costs it is. `loopbench --help` took 0.1 s on a 2-core virtual machine."""
    code = "import loopbench.cli, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_measuring_loads_neither_pandas_nor_locust() -> None:
    code = "import loopbench.session, loopbench.progress, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "scipy", "matplotlib", "locust", "gevent", "fastapi"} & set(done.stdout.split())


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
    return names


def test_matplotlib_takes_no_settings_from_the_working_folder(tmp_path: Path) -> None:
    """It would also print what it does not know of them, with its control characters."""
    (tmp_path / "matplotlibrc").write_text("\x1b[31mkey: 1\ntimezone: Mars\n")
    script = "import loopbench.plots.style, matplotlib, os; print(matplotlib.rcParams['timezone'], os.getcwd())"
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"UTC {tmp_path}\n", "")
