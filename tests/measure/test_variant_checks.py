"""All variants are verified first: one that fails is named with its state, and the others stay."""

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from loopbench.errors import TargetError
from loopbench.measure import services, verify
from loopbench.measure.asking import Answer
from loopbench.measure.running_target import RunningTarget
from loopbench.measure.stop import StopWish
from loopbench.measure.variant_checks import failing_variants
from loopbench.plan import make_plan
from loopbench.records.failures import DEAD, FAILING, HUNG
from loopbench.records.tracebacks import BEGIN
from loopbench.scenario import load
from loopbench.scenario.requests import PlainRequest
from loopbench.session import SessionOptions, _context, new_session

if TYPE_CHECKING:
    from loopbench.measure.supervise import Supervised

APPS = Path(__file__).parents[1] / "apps"
ROUTES = ("dies", "ok", "raises", "hangs", "ok-too")


@pytest.mark.real
def test_each_failing_variant_is_found_with_its_state_and_cause(tmp_path: Path) -> None:
    file = tmp_path / "case.toml"
    variants = (
        f'[[variants]]\nname = "{name}"\npath = "/{name.removesuffix("-too")}"\ntimeout_s = 2\n' for name in ROUTES
    )
    file.write_text(f'title = "t"\n[target]\napp = "failing:app"\napp_dir = "{APPS}"\n{"".join(variants)}')
    scenario, options, stop = load(file), SessionOptions(), StopWish()
    session = new_session(scenario, make_plan(scenario, 1), tmp_path, options)
    with services.started(scenario.services, session, stop) as running:
        context = _context(scenario, session, stop, lambda _event: None, options, running)
        found = [failure for failure, _ in failing_variants(context)]
    assert {each.variant: each.state for each in found} == {"dies": DEAD, "raises": FAILING, "hangs": HUNG}
    (raised,) = (each.detail for each in found if each.variant == "raises")
    assert "KeyError: 'x'" in raised
    assert raised.endswith(f"{APPS / 'failing.py'}:14 in look_up: return found[key]")


@pytest.mark.parametrize(
    ("logged", "detail"), [("", "answer: {}"), (f"{BEGIN}\nKeyError: 'x'\n", "answer: {}\nKeyError: 'x'")]
)
def test_only_what_was_logged_for_the_failing_request_is_shown_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: str, detail: str
) -> None:
    log = tmp_path / "target.log"
    log.write_text(f"{BEGIN}\nRuntimeError: of an earlier request\n")

    def ask(*_: object) -> Answer:
        with log.open("a") as file:
            file.write(logged)
        return Answer(404, "nonce", b"{}")

    monkeypatch.setattr(verify, "ask", ask)
    target = RunningTarget(cast("Supervised", SimpleNamespace(exit_code=None)), 1, "nonce", log)
    with pytest.raises(TargetError) as failed:
        verify.verify(target, [PlainRequest(name="a", path="/")], StopWish())
    assert failed.value.detail == detail


@pytest.mark.real
def test_one_that_awaits_fails_with_its_line_and_the_same_route_as_written_does_not(tmp_path: Path) -> None:
    file = tmp_path / "case.toml"
    variants = '[[variants]]\nname = "written"\npath = "/waits"\n[[variants]]\nname = "moved"\npath = "/waits"\n'
    target = f'[target]\napp = "awaiting:app"\napp_dir = "{APPS}"\n'
    file.write_text(f'title = "t"\n{target}{variants}run_in = "threadpool"\n')
    scenario, options, stop = load(file), SessionOptions(), StopWish()
    session = new_session(scenario, make_plan(scenario, 1), tmp_path, options)
    with services.started(scenario.services, session, stop) as running:
        context = _context(scenario, session, stop, lambda _event: None, options, running)
        (failed,) = [failure for failure, _ in failing_variants(context)]
    assert (failed.variant, failed.state) == ("moved", FAILING)
    assert failed.reason == "`waits` awaits at awaiting.py:13, so it cannot run in a thread"
