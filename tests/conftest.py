"""What all tests share: the same environment everywhere, and how they are spread over processes."""

import gc
import os
import signal
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

    from tests.chromium import Chromium

# No property test asserts anything about time. Every change is tested with the same examples, so that it fails for what
# it has changed only; `make nightly` draws new ones.
settings.register_profile("loopbench", settings(), deadline=None, derandomize=True)
settings.register_profile("nightly", settings(), deadline=None)
settings.load_profile("loopbench")

NIGHTLY: Final = "--nightly"
MAX_WORKERS: Final = 8
WORKERS_PER_CORE: Final = 2
"""Tests that start processes mostly wait for them."""

SPREAD: Final = ("tests/faults/test_target.py", "tests/faults/test_harness.py", "tests/test_sick_apps.py")
"""Modules whose tests each start processes of their own: any worker may run any of them."""

DRAWN: Final = "drawn sessions and a browser"
SHARED: Final = {
    "tests/plots/test_chart_figures.py": DRAWN,
    "tests/plots/test_page.py": DRAWN,
    "tests/plots/test_page_in_chromium.py": DRAWN,
    "tests/plots/test_report_command.py": DRAWN,
    "tests/plots/test_session_charts.py": DRAWN,
    "tests/plots/test_theme.py": DRAWN,
    "tests/test_web_ui_browser.py": DRAWN,
}
"""Modules that one worker runs together, because they share what is slow to make."""

FOREIGN_PREFIXES: Final = ("GITHUB_", "LOCUST_", "UVICORN_", "PYTHON", "LOOPBENCH_LOCK")
FOREIGN: Final = (
    "WEB_CONCURRENCY",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_COLOR",
    "FORCE_COLOR",
)
"""Variables that change what loopbench prints or starts; tests that want one set it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --nightly` also runs the tests that are too long for every change."""
    parser.addoption(NIGHTLY, action="store_true", help="run the tests marked nightly too")


def pytest_configure(config: pytest.Config) -> None:
    """Give every test the same surroundings, whatever started pytest."""
    if config.getoption(NIGHTLY):
        settings.load_profile("nightly")
    gc.set_threshold(50_000, 20, 20)  # as loopbench does: thousands of tests stay until the end
    for name in list(os.environ):
        if name in FOREIGN or name.startswith(FOREIGN_PREFIXES):
            del os.environ[name]
    # `nohup` and background shells ignore these, and so would every process that a test starts.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later collection of garbage."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_lock(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Measurements of other test processes, and of anyone else on this machine, are no reason to refuse ours."""
    os.environ["LOOPBENCH_LOCK_FILE"] = str(tmp_path_factory.getbasetemp() / "loopbench.lock")


@pytest.fixture(scope="session")
def browser() -> "Iterator[Chromium]":
    """The one Chromium of this process. A test opens a tab of its own and closes it; the tabs share their cookies."""
    from tests.chromium import chromium  # noqa: PLC0415  only where a browser is asked for

    with chromium() as running:
        yield running


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave nightly tests out unless they are asked for; begin with those that start processes, which take longest."""
    nightly = [] if config.getoption(NIGHTLY) else [item for item in items if item.get_closest_marker("nightly")]
    if nightly:
        config.hook.pytest_deselected(items=nightly)
    left_out = set(nightly)
    items[:] = sorted((item for item in items if item not in left_out), key=lambda item: not _is_real(item))
    for item in filter(_is_real, items):
        # The machine can disturb real processes, so these tests may fail once. pyproject.toml allows eight such
        # failures a suite and shows their tracebacks; `make nightly` allows none, so that nothing stays hidden.
        item.add_marker(pytest.mark.flaky(reruns=1))


def _is_real(item: pytest.Item) -> bool:
    return item.get_closest_marker("real") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` starts."""
    return min(MAX_WORKERS, WORKERS_PER_CORE * len(os.sched_getaffinity(0)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadScopeScheduling":
    """Keep the tests of a module together, because they share fixtures; see SPREAD and SHARED for the exceptions."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415  only where several processes are asked for

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return nodeid if module in SPREAD else SHARED.get(module, module)

    config.option.loadscopereorder = False  # in the order of collection: the longest first
    return ByModule(config, log)
