"""OpenMetrics text of a session: what a strict reader of the format accepts, and only figures that are known."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from loopbench.judge.session import session_tables
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.judge.summary.openmetrics import to_openmetrics

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
NUMBER = r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)"
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} ({NUMBER})")
FAMILY = re.compile(rf"# TYPE ({NAME}) gauge\n# HELP \1 [^\n\\]+\n((?:\1\{{[^\n]+\n)+)")


def parsed(text: str) -> dict[str, dict[str, float]]:
    """Values by metric and labels, by the grammar of OpenMetrics 1.0 for gauges without timestamps."""
    assert text.endswith("# EOF\n")
    assert FAMILY.sub("", text) == "# EOF\n", "every line belongs to a family"
    found: dict[str, dict[str, float]] = {}
    for name, lines in FAMILY.findall(text):
        assert name not in found, "a family is in one piece"
        samples = [SAMPLE.fullmatch(line) for line in lines.splitlines()]
        assert all(samples), lines
        labels = Counter(each[2] for each in samples if each)
        assert set(labels.values()) == {1}, "labels are unique in a family"
        found[name] = {each[2]: float(each[3]) for each in samples if each}
    return found


@pytest.fixture(scope="module")
def example() -> SessionReport:
    return judge_session(EXAMPLE)


def test_the_figures_are_those_of_the_tables(example: SessionReport) -> None:
    read = parsed(to_openmetrics(example))
    assert example.rounds is not None
    assert example.rounds.goodput.estimate("def").value is not None
    (value,) = (each for key, each in read["loopbench_variant_goodput_rps"].items() if 'variant="def"' in key)
    assert value == pytest.approx(example.rounds.goodput.estimate("def").value)
    assert len(read["loopbench_run_requests"]) == 12
    assert len(read["loopbench_verdict_ratio"]) == sum(
        verdict.shown_ratio is not None for judged in example.rounds.judged for verdict in judged.verdicts
    )


def test_a_figure_that_is_not_known_has_no_sample(example: SessionReport) -> None:
    read = parsed(to_openmetrics(replace(example, rounds=None)))
    assert "loopbench_variant_goodput_rps" not in read
    assert "loopbench_verdict_ratio" not in read
    assert len(read["loopbench_variant_ramp_goodput_rps"]) == 4


def test_a_figure_of_an_invalid_run_has_no_sample(monkeypatch: pytest.MonkeyPatch, example: SessionReport) -> None:
    row = {"run": 1, "kind": "ramp", "variant": "a", "goodput_rps": 9.0, "own_p99_ms": 8.0, "requests": 7}
    monkeypatch.setattr(session_tables, "run_rows", lambda _: [row | {"stamp": "INVALID"}])
    read = parsed(to_openmetrics(example))
    assert "loopbench_run_goodput_rps" not in read
    assert "loopbench_run_own_p99_ms" not in read
    assert list(read["loopbench_run_requests"].values()) == [7]


@pytest.mark.parametrize("name", ['a"} 1', "a\\", "a\nb 2", "# EOF", "\x1b\ud800", "ü{}"])
def test_a_foreign_name_cannot_leave_its_label(
    monkeypatch: pytest.MonkeyPatch, example: SessionReport, name: str
) -> None:
    monkeypatch.setattr(session_tables, "run_rows", lambda _: [{"run": 1, "kind": "ramp", "variant": name}])
    read = parsed(to_openmetrics(example))
    to_openmetrics(example).encode()
    assert list(read["loopbench_run_info"].values()) == [1]
