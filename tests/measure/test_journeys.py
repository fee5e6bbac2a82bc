"""A user's own locustfile as the load of a session: on each client, counts agree and nothing secret is left."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loopbench.errors import ScenarioError
from loopbench.judge.run.samples import read_samples
from loopbench.records.samples import PHASE_HOLD
from loopbench.scenario import load
from tests.faults.faults import Ended, Measuring
from tests.measure.test_generation import generation
from tests.measure.test_login import APPS, SECRETS, left_behind
from tests.opened_ui import opened_ui

SCENARIO = f"""
title = "shop"
question = "Which client?"
[target]
app = "shop:app"
app_dir = "{APPS}"
ready_s = 120
[load]
users = 4
spawn_rate = 8
warmup_s = 0.3
hold_s = 1
locustfile = "journeys.py"
[repeat]
max_rounds = 0
"""
CLASSES = ("Requests", "Fast", "Llhttp")


def variants(*names: str) -> str:
    """One variant for each user class."""
    return "".join(f'[[variants]]\nname = "{each}"\nuser_classes = ["{each}"]\n' for each in names)


TOGETHER = f'[[variants]]\nname = "together"\nuser_classes = {json.dumps(CLASSES)}\n'
"""One variant whose users are of each class: three runs would cost three times as much."""


def write(folder: Path, text: str, journeys: str = (APPS / "journeys.py").read_text()) -> Path:
    (folder / "people.csv").write_text("name\nann\nbob\n")
    (folder / "journeys.py").write_text(journeys)
    (folder / "case.toml").write_text(text)
    return folder / "case.toml"


def run(file: Path) -> Ended:
    """Run the scenario to its end."""
    env = SECRETS | {"TMPDIR": str(file.parent)}
    with Measuring(file.parent, file, env=env, traced=False) as measuring:
        return measuring.end()


def records(folder: Path) -> dict[str, tuple[Path, Any]]:
    """Return folder and record of each run, by variant."""
    found = [(path.parent, json.loads(path.read_text())) for path in folder.glob("results/case/*/runs/*/run.json")]
    return {record["variant"]: (path, record) for path, record in found}


@pytest.mark.real
def test_journeys_on_three_clients(tmp_path: Path) -> None:
    """A login, a sequence, weights, a listener, CSV data and redirects."""
    done = run(write(tmp_path, SCENARIO + TOGETHER))
    found = records(tmp_path)
    ((path, record),) = found.values()
    counts = record["counts"]
    assert counts["samples"] == counts["locust"] > 60
    assert counts["server"] == counts["samples"] + counts["redirects"]
    assert counts["redirects"] > 0
    assert record["users_started"] == 4
    stats = (path / "locust_stats.csv").read_text()
    assert all(f",{name}," in stats for name in ("login", "/items/[item]", "/orders/[number]", "/counts", "moved"))
    heard = re.search(r"heard (\d+) requests", (path / "locust.log").read_text())
    assert heard is not None
    assert int(heard[1]) == counts["samples"]
    assert (path / "locust_failures.csv").read_text().splitlines()[1:] == []
    (summary,) = tmp_path.glob("results/case/*/summary.json")
    notes = [note for each in json.loads(summary.read_text())["variants"] for note in each["notes"]]
    assert sum(note.startswith("/items/[item]: p50 ") for note in notes) == 1
    assert [path.name for path in tmp_path.glob("results/case/*/report.html")] == ["report.html"]
    # The token that these users fetch themselves is in the app's log: loopbench cannot know it (SECURITY.md).
    given = [value.encode() for value in SECRETS.values()]
    assert [name for name, data in left_behind(tmp_path, done).items() if any(map(data.__contains__, given))] == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("class Llhttp(", "class Other(", "journeys.py has no user class Llhttp: it has Requests, Fast, Other"),
        ("weight = 2", "weight == 2", "journeys.py:82: the locustfile does not load: NameError"),
        pytest.param(
            "weight = 2",
            "weight = ",
            "journeys.py:82: the locustfile does not load: SyntaxError",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_a_locustfile_that_does_not_load_is_an_error_with_its_line(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    journeys = (APPS / "journeys.py").read_text().replace(old, new)
    done = run(write(tmp_path, SCENARIO + variants("Llhttp"), journeys))
    assert done.code == 2
    assert problem in done.stderr.partition("-->")[0]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("hold_s = 1\n", "hold_s = 1\nthink_time_s = 1\n", "a locustfile excludes think_time_s"),
        ("hold_s = 1\n", "hold_s = 1\ngenerators = 2\n", "a locustfile excludes several generators"),
        ("user_classes", 'path = "/x"\nuser_classes', "a locustfile excludes path"),
        ("[repeat]", "[data]\na = [1]\n[repeat]", "a locustfile excludes data"),
        ('"journeys.py"', '"missing.py"', "there is no file"),
        ('locustfile = "journeys.py"\n', "", "'path' is missing"),
    ],
)
def test_what_a_locustfile_excludes_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    file = write(tmp_path, (SCENARIO + variants("Llhttp")).replace(old, new, 1))
    with pytest.raises(ScenarioError) as error:
        load(file)
    assert any(problem in f"{each.message} {each.allowed}" for each in error.value.problems)


HANGING = """
import itertools
from locust import FastHttpUser, HttpUser, task
from locust.exception import StopUser
from loopbench import LlhttpUser

ASKED, NUMBERS = itertools.count(1), itertools.count()
"""
for name, base in zip(CLASSES, ("HttpUser", "FastHttpUser", "LlhttpUser"), strict=True):
    HANGING += f"""

class {name}({base}):
    @task
    def ask(self):
        self.client.get("/hangs" if next(ASKED) > 60 else "/ok")
"""

FAILING = """

class Half(LlhttpUser):
    abstract = True

    def on_start(self):
        if next(NUMBERS) % 2:
            self.fail()

    @task
    def ask(self):
        self.client.get("/ok")


class Raises(Half):
    def fail(self):
        self.client.get('/wrong').json()['token']


class Stops(Half):
    asked = 0

    def fail(self):
        raise StopUser

    @task
    def ask(self):
        self.asked += 1
        self.client.get("/ok")
        if self.asked == 8:
            raise ValueError("eight")


class Wrong(LlhttpUser):
    @task
    def order(self):
        self.client.get("/-42", name="/orders/[number]")


class Misspelt(LlhttpUser):
    @task
    def leave(self):
        self.interupt()


class Kills(LlhttpUser):
    @task
    def ask(self):
        for _ in range(100):
            self.client.get("/dies")
"""


@dataclass(frozen=True)
class Session:
    """What a session has left."""

    done: Ended
    records: Mapping[str, tuple[Path, Any]]
    lines: Mapping[str, int]
    """Where the locustfile has a text, without its indentation."""


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """One session of users that hang, fail, are wrong or kill their target. It has no warm-up, which they would end."""
    folder, journeys = tmp_path_factory.mktemp("failed"), HANGING + FAILING
    text = SCENARIO.replace("shop:app", "healthy:app").replace("warmup_s = 0.3", "warmup_s = 0\ndrain_s = 1")
    done = run(write(folder, text + TOGETHER + variants("Raises", "Stops", "Wrong", "Misspelt", "Kills"), journeys))
    lines = {line.strip(): number for number, line in enumerate(journeys.splitlines(), 1)}
    return Session(done, records(folder), lines)


@pytest.mark.real
def test_a_variant_whose_journey_fails_is_a_result(failed: Session) -> None:
    """Wrong answers, a mistake in the code, a target that dies: it is not measured, and the others are."""
    assert failed.done.code == 4
    assert failed.records.keys() == {"together", "raises", "stops"}, failed.done.stderr
    problems = {
        "Wrong": "one journey of one Wrong failed: GET /orders/[number]",
        "Misspelt": f"journeys.py:{failed.lines['self.interupt()']}: AttributeError",
        "Kills": "the target ended while it was being measured (exit code 3)",
    }
    error = failed.done.stderr.partition("-->")[0]
    assert any(problem in error for problem in problems.values())
    recorded = json.loads((failed.done.session / "failures.json").read_text())["variants"]
    assert {each["variant"] for each in recorded} == problems.keys()
    assert all(problems[each["variant"]] in each["reason"] for each in recorded)


@pytest.mark.real
def test_requests_that_the_end_of_the_drain_cuts_are_recorded(failed: Session) -> None:
    """On each client, also of users that never wait."""
    counts = failed.records["together"][1]["counts"]
    assert counts["unfinished"] == 4
    assert counts["server"] == counts["samples"] == counts["locust"] == 60


@pytest.mark.real
def test_users_that_fail_are_a_result(failed: Session) -> None:
    """Half of the users cannot log in: the others go on, also after an exception in a task; the report counts all."""
    for each in ("raises", "stops"):
        counts = failed.records[each][1]["counts"]
        assert counts["server"] == counts["samples"] == counts["locust"] > 20
    found = {}
    for variant in json.loads((failed.done.session / "summary.json").read_text())["variants"]:
        if variant["name"] in ("Raises", "Stops"):
            notes = [note.replace(f"{failed.done.folder}/", "") for note in variant["notes"]]
            assert "2 of 4 users ended before the load did" in notes
            found[variant["name"]] = variant["health"]["wrong"], [note for note in notes if "exceptions" in note]
    key, eight = (
        failed.lines[text] for text in ("self.client.get('/wrong').json()['token']", 'raise ValueError("eight")')
    )
    assert found == {
        "Raises": (2, [f"2 exceptions of users: KeyError: 'token' (journeys.py:{key})"]),
        "Stops": (0, [f"2 exceptions of users: ValueError: eight (journeys.py:{eight})"]),
    }


TURNS = """
import itertools
from locust import FastHttpUser, HttpUser, SequentialTaskSet, between, events, task
from loopbench import LlhttpUser
import counted

LOADED = next(counted.NUMBERS)


@events.init.add_listener
def begin(environment, **_):
    environment.heard = []


@events.request.add_listener
def hear(context, **_):
    context["environment"].heard.append(LOADED)


@events.quitting.add_listener
def report(environment, **_):
    print("heard", len(environment.heard), set(environment.heard), flush=True)


class Both:
    def context(self):
        return {"environment": self.environment}

    def on_stop(self):
        self.client.get("/ok", name="logout")


class Light(Both, LlhttpUser):
    wait_time = between(0.01, 0.05)

    @task
    class Steps(SequentialTaskSet):
        @task
        def first(self):
            self.client.get("/ok", name="first")

        @task
        def second(self):
            self.client.get("/slow", name="second")


class Heavy(Both, FastHttpUser):
    weight = 2

    @task
    def ask(self):
        self.client.get("/ok", name="heavy")


class Requests(Both, HttpUser):
    fixed_count = 1

    @task
    def ask(self):
        self.client.get("/ok", name="requests")
"""


@pytest.mark.real
def test_a_locustfile_in_turns(tmp_path: Path) -> None:
    """One process loads the file for each target: users by weight, listeners and helpers of their own, equal counts."""
    (tmp_path / "counted.py").write_text("import itertools\n\nNUMBERS = itertools.count()\n")
    text = SCENARIO.replace("shop:app", "healthy:app").replace("max_rounds = 0", "max_rounds = 2\nwindow_s = 1.2")
    runs = generation(write(tmp_path, text + '[[variants]]\nname = "a"\n[[variants]]\nname = "b"\n', TURNS))
    log = (runs[0].folder / "locust.log").read_text()
    heard = sorted(map(int, re.findall(r"^heard (\d+) \{0\}$", log, re.MULTILINE)))
    assert heard == sorted(run.record.counts.samples or 0 for run in runs)
    for each in runs:
        assert each.record.counts.agree
        assert each.record.users_started == 4
        assert [phase.name for phase in each.record.phases].count(PHASE_HOLD) == 2
        samples = read_samples(each.folder)
        assert samples.good.all()
        assert {"first", "second", "heavy", "requests", "logout"} == set(samples.names)
        hold = samples.rows[samples.named("logout")]
        assert len(hold) == 4 + 4, "users of the warm-up and of the load"


@pytest.mark.real
def test_the_web_ui_starts_the_users_of_a_locustfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the chosen variant, by weight, and the file is loaded once for all loads."""
    monkeypatch.setenv("SHOP_PASSWORD", SECRETS["SHOP_PASSWORD"])
    file = write(tmp_path, SCENARIO + TOGETHER + variants("Llhttp"))
    with opened_ui(file, tmp_path) as ui:
        for variant, names in (("Llhttp", {"login", "/items/[item]"}), ("together", {"login", "/orders/[number]"})):
            assert ui.order("/swarm", user_count=4, spawn_rate=4, variant=variant).json["success"]
            ui.wait_for(lambda: names <= {row["name"] for row in ui.look("/stats/requests").json["stats"]})  # noqa: B023
            assert ui.look("/stats/requests").json["errors"] == []
            ui.order("/stop")
            ui.wait_for(lambda: ui.look("/stats/requests").json["state"] == "stopped")
