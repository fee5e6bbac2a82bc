"""`loopbench help`: what it prints is what the code has, in 80 columns."""

from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.scenario.schema import scenario_schema
from tests.first_scenario.calling import call


def test_each_exit_code_is_listed_with_its_meaning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = call(capsys, tmp_path, "help", "exit-codes").out
    paragraphs = " ".join(printed.split())
    assert all(f"{code.value} {code.meaning}" in paragraphs for code in ExitCode)
    assert "128 + n stopped by signal n" in paragraphs


def test_every_key_of_a_scenario_is_listed_with_its_meaning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = call(capsys, tmp_path, "help", "scenario").out.splitlines()
    words = " ".join(" ".join(lines).split())
    schema = scenario_schema()
    tables = [schema, *(schema["$defs"][name] for name in ("Target", "Load", "Repeat", "Request", "Gate"))]
    for key, value in (item for table in tables for item in table["properties"].items()):
        assert any(line.startswith(f"  {key}: ") for line in lines), key
        first = value["description"].replace("`", "").split("](")[0].lstrip("[").split()
        assert " ".join(first[:6]) in words, key
    assert "  users: whole number, 1 to 10,000; default 100" in lines


@pytest.mark.parametrize("topic", ["exit-codes", "scenario", "run"])
def test_no_line_of_a_topic_is_wider_than_80_columns(
    topic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = call(capsys, tmp_path, "help", topic).out.splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 80


def test_help_on_a_command_is_that_of_its_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, tmp_path, "help", "plan").out == call(capsys, tmp_path, "plan", "--help").out


def test_without_a_topic_it_names_the_commands_and_the_topics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = call(capsys, tmp_path, "help").out
    assert printed.startswith(call(capsys, tmp_path, "--help").out.rstrip())
    assert "exit-codes, scenario" in printed


def test_an_unknown_topic_is_an_error_with_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, tmp_path, "help", "me")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "allowed: exit-codes, scenario, run, demo" in done.err
