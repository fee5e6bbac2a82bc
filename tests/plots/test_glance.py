"""The page's first table: each variant's figures, from the rounds where there are any, and none of an INVALID ramp."""

from dataclasses import replace

import pytest

from loopbench.judge.figures import MISSING
from loopbench.plots import glance
from loopbench.plots.glance import Glance, Table
from tests.made_scenario import changed
from tests.plots.causes import explained, opened, repeated, spoiled
from tests.plots.reports import FOUR, Made, session


def table(made: object) -> Table:
    assert made is not None
    assert isinstance(made, Table)
    return made


def row(shown: Table, name: str) -> Glance:
    return next(each for each in shown.rows if each.variant == name)


def test_without_rounds_a_figure_is_the_ramps_and_says_so() -> None:
    shown = table(glance.table(explained(session())))
    first = row(shown, "def")
    assert (first.goodput, first.width, first.never_served, first.why) == (
        "500",
        glance.RAMP,
        "0",
        "event loop blocked",
    )
    assert (shown.load, shown.neighbour, shown.reference) == ("100 users", "hello", "")
    assert row(shown, "blocking async def").never_served == "31"


def test_with_rounds_every_other_variant_is_told_against_the_first() -> None:
    shown = table(glance.table(repeated(session())))
    assert shown.reference == "def"
    assert (row(shown, "def").word, row(shown, "def").times) == ("", "")
    slow = row(shown, "blocking async def")
    assert slow.word == "SLOWER"
    assert slow.times.startswith("0.4")
    assert slow.width.startswith("±")


@pytest.mark.parametrize("baseline", ["blocking async def", "aiofiles"])
def test_a_pair_judged_the_other_way_round_is_turned(baseline: str) -> None:
    report = session()
    scenario = changed(report.record.scenario, baseline=baseline)
    judged = repeated(replace(report, record=replace(report.record, scenario=scenario)))
    shown = table(glance.table(judged))
    assert shown.reference == baseline
    fast = row(shown, "def")
    assert fast.word == "FASTER"
    low, high = (float(part) for part in fast.times.split(", ")[1].split(" to "))
    assert low < float(fast.times.split()[0]) < high


def test_nothing_of_an_invalid_ramp_is_a_result() -> None:
    shown = row(table(glance.table(spoiled(explained(session()), "def"))), "def")
    assert (shown.goodput, shown.neighbour, shown.never_served, shown.why) == (MISSING,) * 4
    assert shown.struck == "INVALID: C1"


def test_in_open_mode_the_load_is_a_rate() -> None:
    assert table(glance.table(opened(session()))).load == "400 requests due a second"


def test_a_session_without_a_complete_run_has_no_table() -> None:
    assert glance.table(session(missing=[made.name for made in FOUR])) is None


def test_a_variant_without_a_good_answer_is_bounded_and_says_what_is_wrong() -> None:
    shown = table(glance.table(explained(repeated(session([Made("def"), Made("broken", failed=True)])))))
    broken = row(shown, "broken")
    assert (broken.goodput, broken.word, broken.struck) == ("0", "SLOWER", "")
    assert broken.times.startswith("at most ")
    assert broken.why.startswith("failing")
    turned = table(glance.table(explained(repeated(session([Made("broken", failed=True), Made("def")])))))
    assert row(turned, "def").times.startswith("at least ")
