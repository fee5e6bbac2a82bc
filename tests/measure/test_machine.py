"""Target and generator get cores of their own where there are enough; a fact of the machine that is unknown says so."""

from pathlib import Path

import pytest

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure.kernel_files import KernelFiles
from loopbench.measure.machine import Cores, available_cores, check_cores, divide_cores, facts
from loopbench.measure.run import RunContext
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import StopWish
from loopbench.plan import make_plan
from loopbench.scenario import Target
from loopbench.session import SessionOptions, measure_session
from tests.made_scenario import made_scenario
from tests.measure.fake_kernel import FakeKernel


@pytest.mark.parametrize(
    ("available", "generators", "cores"),
    [
        ([0], 1, Cores((), ())),
        ([0, 1], 1, Cores((0,), (1,))),
        ([4, 2], 1, Cores((2,), (4,))),
        (range(8), 1, Cores((0, 1, 2, 3, 4, 5, 6), (7,))),
        (range(8), 2, Cores((0, 1, 2, 3, 4, 5), (6, 7))),
        ([0, 1], 4, Cores((0,), (1,))),
    ],
)
def test_divide_cores(available: list[int], generators: int, cores: Cores) -> None:
    assert divide_cores(available, generators) == cores


@pytest.mark.parametrize(
    ("keys", "used"),
    [
        ({}, (0, 1, 2)),
        ({"pin": False}, (0, 1, 2, 3)),
        ({"cpus": 1}, (0,)),
        ({"cpus": 2, "pin": False}, (0, 1)),
        ({"cpus": 4}, (0, 1, 2, 3)),
    ],
)
def test_a_target_uses_as_many_cores_as_it_names_the_generators_last(
    keys: dict[str, object], used: tuple[int, ...]
) -> None:
    target = Target.model_validate({"app": "main:app"} | keys)
    assert Cores((0, 1, 2), (3,)).used_by(target) == used


def test_a_target_may_name_every_core_that_there_is() -> None:
    check_cores(made_scenario({"name": "all", "target": {"cpus": len(available_cores())}}))


def test_a_session_is_refused_before_it_starts_if_one_of_its_targets_names_more_cores_than_there_are() -> None:
    more = len(available_cores()) + 1
    question = made_scenario({"name": "one more", "target": {"cpus": more}})
    with pytest.raises(EnvironmentRefusedError, match=f"use {more} cores"):
        measure_session(question, make_plan(question, 1), no_folder, print, SessionOptions())


def no_folder() -> Path:
    pytest.fail("the session has begun")


def test_each_variant_is_started_on_the_cores_of_its_own_settings(tmp_path: Path) -> None:
    scenario = made_scenario("the rest", {"name": "one core", "target": {"cpus": 1}})
    context = RunContext(
        scenario,
        tmp_path,
        Cores((0, 1), (2,)),
        StopWish(),
        lambda _event: None,
        explain=False,
        services=RunningServices({}, ()),
    )
    assert [context.launch(tmp_path, each).cpus for each in scenario.variants] == [(0, 1), (0,)]


def test_every_fact_is_known_or_says_that_it_is_not(tmp_path: Path) -> None:
    """On a machine whose kernel shows nothing, no fact is missing and none is empty."""
    blind, here = facts(KernelFiles(tmp_path)), facts()
    assert blind.keys() == here.keys()
    assert not [name for name, value in (blind | here).items() if value is None or value == ""]
    for name in ("cpu", "governor", "siblings", "clock_source", "cpu_limit_cores", "turbo"):
        assert blind[name].startswith("not observable: ")


def test_cores_that_differ_are_told_one_by_one(tmp_path: Path) -> None:
    kernel = FakeKernel(tmp_path)
    for index, core in enumerate(available_cores()):
        kernel.write(f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor", f"policy{index}\n")
        kernel.write(f"sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list", f"{core},{core + 64}\n")
    seen = facts(kernel)
    for index, core in enumerate(available_cores()):
        assert f"policy{index}" in seen["governor"]
        assert f"{core},{core + 64}" in seen["siblings"]


@pytest.mark.parametrize(
    ("path", "text", "turbo"),
    [
        ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n", "on"),
        ("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n", "off"),
        ("sys/devices/system/cpu/cpufreq/boost", "1\n", "on"),
        ("sys/devices/system/cpu/cpufreq/boost", "0\n", "off"),
    ],
)
def test_turbo_is_read_from_either_driver(tmp_path: Path, path: str, text: str, turbo: str) -> None:
    kernel = FakeKernel(tmp_path)
    kernel.write(path, text)
    assert facts(kernel)["turbo"] == turbo


def test_a_hypervisor_makes_itself_known(tmp_path: Path) -> None:
    kernel = FakeKernel(tmp_path)
    assert facts(kernel)["virtualisation"] == "none found"
    kernel.virtual()
    assert facts(kernel)["virtualisation"] == "virtual machine"
    kernel.write("sys/class/dmi/id/sys_vendor", "Some Cloud\n")
    assert facts(kernel)["virtualisation"] == "virtual machine (Some Cloud)"
