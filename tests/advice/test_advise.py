"""`loopbench advise`: the whole command with made-up sessions, and once for real on an app with eight routes."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.advice.questions import REFERENCE
from loopbench.errors import ExitCode, TargetError
from loopbench.first_scenario.reading import AppFacts
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.session.session_report import SessionReport
from loopbench.measure.events import Notify, SessionEnded, VariantFailed
from loopbench.records.failures import FAILING, Failures, VariantFailure
from loopbench.scenario import Scenario
from loopbench.session import SessionOptions
from tests.advice.test_questions import app_facts
from tests.faults.faults import record_ceiling
from tests.first_scenario.calling import call
from tests.judge.figures import figures, line, load
from tests.plots.causes import repeated
from tests.plots.reports import Made, session

APP = Path(__file__).parents[1] / "apps" / "eight_routes.py"
RPS = {"GET /search": 50.0, "as written": 50.0, "as plain def": 1800.0, "as plain def with 100 threads": 1800.0}


class World:
    """Stands for the machine: every session that is measured, and what it looks like."""

    def __init__(self) -> None:
        self.scenarios: list[Scenario] = []
        self.minutes: list[float | None] = []  # given to each
        self.invalid: list[str] = []
        self.kind = Kind.LOOP_BLOCKED
        self.interrupted_by: int | None = None
        self.failing = False
        self.reading: dict[str, Any] = {}  # how the app was read last
        self.unreadable = ""
        self.awaits = False
        self.refused: list[str] = []  # variants that fail when they are verified

    def read(self, *_: Any, **named: Any) -> AppFacts:
        self.reading = named
        if self.awaits:
            (search,) = app_facts().endpoints
            return app_facts().model_copy(update={"endpoints": [search.model_copy(update={"awaits": True})]})
        if self.unreadable:
            raise TargetError(self.unreadable)
        return app_facts()

    def begin(self, scenario: Scenario, _seed: int, out: Path, options: SessionOptions, notify: Notify) -> SessionEnded:
        self.scenarios.append(scenario)
        self.minutes.append(options.max_minutes)
        if options.max_minutes == 0:
            for name in self.refused:
                notify(VariantFailed(VariantFailure(name, FAILING, "`search` awaits, so it cannot", "")))
            return SessionEnded(out / scenario.name, 0, 1, None, None)
        error = TargetError("status 500, expected 200", slug="verify") if self.failing else None
        return SessionEnded(out / scenario.name, 3, 3, self.interrupted_by, error)

    def draw(self, folder: Path) -> SessionReport:
        scenario = self.scenarios[-1]
        made = [Made(each.name, rps=RPS.get(each.name, 1000.0)) for each in scenario.variants]
        report = session(made, neighbours=scenario.neighbours)
        record = replace(report.record, scenario=scenario, file=str(scenario.file), plan=report.record.plan[:1])
        runs = tuple(self._diagnosed(run, variant) for run, variant in zip(report.runs, scenario.variants, strict=True))
        report = replace(report, folder=folder, record=record, runs=runs)
        if self.failing:
            failures = Failures((VariantFailure("GET /search", FAILING, "status 500, expected 200", ""),))
            return replace(report, runs=runs[1:], failures=failures)
        return repeated(report, invalid=self.invalid) if scenario.repeat.max_rounds else report

    def _diagnosed(self, run: Any, variant: Any) -> Any:
        kind = self.kind if variant.name.startswith("GET /search") else Kind.NO_BOTTLENECK
        seen = figures(load=load(goodput_rps=RPS.get(variant.name, 1000.0)))
        diagnosis = Diagnosis(kind, "It is.", (), (), (line("time.sleep(1)"),), figures=seen)
        return replace(run, variant=variant, diagnosis=diagnosis)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """An app with a blocking search, on a machine that measures in no time."""
    (tmp_path / "main.py").write_text("app = None\n")
    made = World()
    monkeypatch.setattr("loopbench.first_scenario.reading.read_app", made.read)
    monkeypatch.setattr("loopbench.commands.measuring.begin_session", made.begin)
    monkeypatch.setattr("loopbench.commands.reporting.draw_files", made.draw)
    return made


def test_the_command_screens_compares_and_advises(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call(capsys, tmp_path, "advise", "main:app")
    assert done.code == ExitCode.OK
    assert "`search` (GET /search) blocks the event loop at srv/app.py:7; as plain def: 36.0 times" in done.out
    assert "not asked: POST /orders: POST changes state" in done.err
    screening, comparison = world.scenarios
    assert [each.name for each in screening.variants] == ["GET /search", REFERENCE]
    assert [each.name for each in comparison.variants] == [*RPS][1:]
    (file,) = tmp_path.glob("results/advise/*/get-search.toml")
    assert comparison.file.name == file.name
    assert file.stat().st_mode & 0o077 == 0
    (advice,) = json.loads((file.parent / "advice.json").read_text())["routes"]
    assert (advice["best"], Path(advice["scenario"])) == ("as plain def", file.relative_to(tmp_path))


@pytest.mark.usefixtures("world")
def test_the_result_is_json_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, tmp_path, "advise", "main:app", "--json")
    (advice,) = json.loads(done.out)["routes"]
    assert advice["tried"][0]["goodput"]["verdict"] == "FASTER"
    assert advice["sentence"] in done.err


def test_an_invalid_comparison_cannot_tell(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.invalid = ["as written"]
    done = call(capsys, tmp_path, "advise", "main:app")
    assert done.code == ExitCode.CANNOT_TELL
    assert "error[advice]" in done.err


def test_healthy_routes_are_not_compared(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.kind = Kind.NO_BOTTLENECK
    done = call(capsys, tmp_path, "advise", "main:app")
    assert "`search` (GET /search) is healthy" in done.out
    assert len(world.scenarios) == 1


def test_without_the_time_for_two_rounds_a_route_is_only_diagnosed(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call(capsys, tmp_path, "advise", "main:app", "--minutes", "0.5")
    assert "blocks the event loop at srv/app.py:7; not compared: it takes" in done.out
    assert (done.code, len(world.scenarios)) == (ExitCode.OK, 1)


def test_a_style_that_a_route_refuses_is_not_planned_and_neither_is_its_extension(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.awaits, world.refused = True, ["as plain def"]
    done = call(capsys, tmp_path, "advise", "main:app")
    assert [each.name for each in world.scenarios[1].variants] == ["as written", "as plain def"]
    assert "GET /search: asked once as plain def" in done.err
    assert len(world.scenarios) == 2, "nothing is left to compare"
    assert "; as plain def: not possible, `search` awaits, so it cannot\n" in done.out
    assert done.code == ExitCode.OK


@pytest.mark.parametrize("refused", [[], ["as written", "as plain def"]])
def test_a_route_that_awaits_and_refuses_nothing_is_compared_as_ever(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: list[str]
) -> None:
    world.awaits, world.refused = True, refused
    done = call(capsys, tmp_path, "advise", "main:app")
    assert [each.name for each in world.scenarios[2].variants] == [*RPS][1:]
    assert "; as plain def: 36.0 times" in done.out


def test_routes_that_all_fail_are_the_target_s_error(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.failing = True
    done = call(capsys, tmp_path, "advise", "main:app")
    assert done.code == ExitCode.TARGET
    assert "not asked: GET /search: failing: status 500, expected 200" in done.err


def test_a_signal_ends_the_command_after_what_is_known(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.interrupted_by = signal.SIGTERM
    monkeypatch.setattr("loopbench.commands.advising.end_by", lambda number: sys.exit(128 + number))
    done = call(capsys, tmp_path, "advise", "main:app")
    assert done.code == 128 + signal.SIGTERM
    assert "blocks the event loop at srv/app.py:7; not compared" in done.out
    assert len(world.scenarios) == 1


def test_a_comparison_has_as_many_rounds_as_fit_into_its_part_of_the_time(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = ("--route", "GET /search", "--route", "GET /search?q=shoes")
    call(capsys, tmp_path, "advise", "main:app", "--minutes", "10", *routes)
    assert [each.repeat.max_rounds for each in world.scenarios] == [0, 5, 5]
    assert [round(each or 0) for each in world.minutes] == [4, 5, 10], (
        "of the screening, a half of the rest, and the rest"
    )


def test_a_secret_header_is_in_no_file(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADER_AUTHORIZATION", raising=False)
    call(capsys, tmp_path, "advise", "main:app", "--header", "Authorization: Bearer sesame")
    assert "sesame" not in "".join(file.read_text() for file in tmp_path.rglob("*.toml"))
    assert world.scenarios[0].variants[0].headers == {"Authorization": "${HEADER_AUTHORIZATION}"}


SECRETS = """
[target]
app = "main:app"
env = { DB_PASS = "sesame-1", MODE = "test" }
[[before]]
name = "login"
method = "POST"
path = "/token"
json = { user = "ann", password = "sesame-2", tokens = ["sesame-3"] }
capture = { token = "json:access_token" }
[[variants]]
name = "search"
path = "/search"
params = { api_key = "sesame-4", q = "shoes" }
headers = { Authorization = "Bearer {token}" }
"""


def test_a_literal_secret_of_a_scenario_is_in_no_copy(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", dict(os.environ))
    (tmp_path / "mine.toml").write_text(SECRETS)
    done = call(capsys, tmp_path, "advise", "mine.toml")
    assert done.code == ExitCode.OK, done.err
    copies = "".join(file.read_text() for file in (tmp_path / "results").rglob("*.toml"))
    assert "shoes" in copies
    assert "sesame" not in copies
    screening = world.scenarios[0]
    assert screening.before[0].json_ == {
        "user": "ann",
        "password": "${SECRET_1_PASSWORD}",
        "tokens": ["${SECRET_2_TOKENS}"],
    }
    assert screening.variants[0].headers == {"Authorization": "Bearer {token}"}
    assert (screening.target.env, os.environ["DB_PASS"]) == ({"MODE": "test"}, "sesame-1")


def test_the_app_of_a_scenario_is_read_as_it_runs(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", dict(os.environ))
    (tmp_path / "mine.toml").write_text(SECRETS.replace("env =", 'cwd = ".."\nenv ='))
    assert "`search`" in call(capsys, tmp_path, "advise", "mine.toml").out
    assert world.reading == {"added": {"DB_PASS": "sesame-1", "MODE": "test"}, "cwd": ".."}


def test_an_app_that_cannot_be_read_is_said_to_be_unknown(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", dict(os.environ))
    world.unreadable = "main does not import: KeyError: 'MODE'"
    (tmp_path / "mine.toml").write_text(SECRETS)
    done = call(capsys, tmp_path, "advise", "mine.toml")
    assert done.code == ExitCode.OK
    assert f"no function of the app is known, because it cannot be read before a run: {world.unreadable}" in done.err


EXPECTED = {
    "GET /healthy": (True, None, "is healthy"),
    "GET /awaits": (True, None, "is healthy"),
    "GET /client": (False, "as plain def", "blocks the event loop at eight_routes.py:44"),
    "GET /rows": (False, "as plain def", "blocks the event loop at eight_routes.py:5"),
    "GET /pool": (False, "with 100 threads", "waits for one of anyio's threads at eight_routes.py:60"),
    "GET /cpu": (False, None, "computes on the event loop at eight_routes.py:67"),
    "GET /dependencies": (False, "with its dependencies as async def", "sends its plain def dependencies to threads"),
    "GET /lock": (False, None, "queues for a pool or lock of the app at eight_routes.py:9"),
}
"""For each route: whether it is healthy, the best variant (None: any, or none), and what the sentence says."""


@pytest.mark.real
@pytest.mark.nightly
def test_eight_routes_get_the_right_advice_in_ten_minutes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / APP.name).write_text(APP.read_text())
    done = call(capsys, tmp_path, "advise", f"{APP.stem}:app", "--wait", "--json")
    assert done.code == ExitCode.OK, done.err
    advice = {each["route"]: each for each in json.loads(done.out)["routes"]}
    assert advice.keys() == EXPECTED.keys()
    for route, (is_healthy, best, says) in EXPECTED.items():
        assert advice[route]["is_healthy"] == is_healthy, route
        assert best in (None, advice[route]["best"]), advice[route]["sentence"]
        assert says in advice[route]["sentence"]


@pytest.mark.real
def test_a_blocking_route_of_a_real_app_gets_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wall times are not asserted, and neither is a verdict: other processes may use the machine."""
    monkeypatch.setattr("loopbench.session._measure_ceiling", lambda context: record_ceiling(context.folder))
    (tmp_path / APP.name).write_text(APP.read_text())
    options = ("--route", "GET /client", "--minutes", "0.9", "--seed", "0", "--no-lock", "--json")
    done = call(capsys, tmp_path, "advise", f"{APP.stem}:app", *options)
    (advice,) = json.loads(done.out)["routes"]
    assert (advice["function"], advice["place"]) == ("client", "eight_routes.py:44")
    assert advice["sentence"].startswith("`client` (GET /client) blocks the event loop at eight_routes.py:44; ")
