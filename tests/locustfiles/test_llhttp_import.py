"""The public import of `LlhttpUser`."""

import subprocess
import sys
from pathlib import Path


def modules_after(code: str, folder: Path) -> set[str]:
    """Run code in a folder, as `python -c` does, and return the modules that it loaded."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_it_works_beside_the_users_own_package_of_locustfiles(tmp_path: Path) -> None:
    own = tmp_path / "locustfiles"
    own.mkdir()
    (own / "__init__.py").write_text("MINE = 1\n")
    code = "from loopbench import LlhttpUser\nfrom locustfiles import MINE\nassert LlhttpUser.abstract"
    assert "loopbench.llhttp.user" in modules_after(code, tmp_path)


def test_other_imports_of_loopbench_load_no_gevent(tmp_path: Path) -> None:
    loaded = modules_after("import loopbench; loopbench.__version__", tmp_path)
    assert not {"gevent", "locust", "pandas"} & loaded
