"""An app behind a login, measured by a whole session: counts agree, and no secret is left anywhere."""

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from loopbench.errors import TargetError, UsageError
from loopbench.measure.asking import Answer
from loopbench.measure.before import prepare, read_values
from loopbench.scenario import load
from loopbench.scenario.data import NO_VALUES
from tests.faults.faults import Ended, Measuring
from tests.faults.test_secrets import layers
from tests.made_scenario import made_scenario

if TYPE_CHECKING:
    from loopbench.measure.stop import StopWish
    from loopbench.measure.target import AnyTarget

APPS = Path(__file__).parents[1] / "apps"
SECRETS = {"SHOP_USER": "canary-user-5d1f", "SHOP_PASSWORD": "canary-pass-9c2e"}
A_SECRET = re.compile(rb"canary-(?:user-5d1f|pass-9c2e|(?:token|cookie|csrf)-[\w-]{32})")  # no line of the app's code
PEOPLE = ("ann-of-the-shop", "bob-of-the-shop", "eve ü-of-the-shop")
SCENARIO = f"""
title = "shop"
question = "What does an order cost?"
[target]
app = "shop:app"
app_dir = "{APPS}"
ready_s = 120
prepare = "python -c 'import os; print(os.environ[\\"SHOP_PASSWORD\\"])' && touch $MARKS/prepared"
cleanup = "test -e $MARKS/prepared && touch $MARKS/cleaned"
[load]
users = 3
spawn_rate = 3
warmup_s = 0.3
hold_s = 1
think_time_s = 0.02
[repeat]
max_rounds = 0
[data]
item = ["shoe", "a b+c", "drei ü"]
who = {{ file = "people.csv", column = "name" }}
password = {{ file = "people.csv", column = "password" }}
[[before]]
name = "login"
method = "POST"
path = "/login/access-token"
form = {{ username = "${{SHOP_USER}}", password = "${{SHOP_PASSWORD}}" }}
capture = {{ token = "json:access_token", session = "cookie:session", csrf = "header:x-csrf" }}
[[before]]
name = "own login"
per = "user"
method = "POST"
path = "/login/access-token"
form = {{ username = "{{who}}", password = "{{password}}" }}
capture = {{ own = "json:access_token" }}
[[requests]]
name = "item"
path = "/items/{{item}}"
headers = {{ Authorization = "Bearer {{token}}", Cookie = "session={{session}}", X-Csrf = "{{csrf}}" }}
expect = {{ json = {{ "data.0.owner" = "{SECRETS["SHOP_USER"]}" }} }}
[[variants]]
name = "order"
method = "POST"
path = "/orders/{{unique}}"
headers = {{ Authorization = "Bearer {{own}}" }}
json = {{ number = "{{unique}}", item = "{{item}}" }}
receipt = {{ path = "/counts" }}
"""


def write(folder: Path, scenario: str = SCENARIO) -> Path:
    rows = "".join(f"{name},{SECRETS['SHOP_PASSWORD']}\n" for name in PEOPLE)
    (folder / "people.csv").write_text(f"name,password\n{rows}", encoding="utf-8")
    (folder / "case.toml").write_text(scenario, encoding="utf-8")
    return folder / "case.toml"


def running(folder: Path, scenario: str = SCENARIO) -> Measuring:
    env = SECRETS | {"MARKS": str(folder), "TMPDIR": str(folder)}
    return Measuring(folder, write(folder, scenario), env=env, traced=False)


def left_behind(folder: Path, done: Ended | subprocess.CompletedProcess[str]) -> dict[str, bytes]:
    """Return all that a session wrote or printed, unpacked."""
    files = {file for file in (folder / "results").rglob("*") if file.is_file()}
    found = {file.name: b"\n".join(layers(file.read_bytes())) for file in files}
    return found | {"console": (done.stdout + done.stderr).encode()}


@pytest.mark.real
def test_a_session_behind_a_login(tmp_path: Path) -> None:
    """Every order has a new number and its user's own token, or the app refuses it."""
    with running(tmp_path) as measuring:
        done = measuring.end()
    (folder,) = (tmp_path / "results" / "case").glob("*/runs/*order")
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    counts, receipt = record["counts"], record["receipt"]
    assert counts["server"] == counts["samples"] == counts["locust"] > 20, done.stderr
    failures = (folder / "locust_failures.csv").read_text().splitlines()
    assert failures[1:] == []
    assert receipt["items"] == 3
    assert receipt["orders"] > 10
    assert receipt["logins"] == 2 + 3 + 3  # of the harness, of users that warm up, of users
    assert (tmp_path / "prepared").exists()
    assert (tmp_path / "cleaned").exists()
    log = (folder / "target.log").read_text()
    assert log.count("token ***") > 20
    assert "ann-of-the-shop" not in log, "a value of a body is hidden, wherever it comes from"
    assert "'host': '127.0.0.1:" in log, "what is no secret stays readable"
    assert re.findall(r"(?:token |Bearer |session=)[\w-]{32}", log) == []
    leaks = [name for name, data in left_behind(tmp_path, done).items() if A_SECRET.search(data)]
    assert leaks == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("json:access_token", "json:acces_token", "it has no json:acces_token to capture as 'token'"),
        ("${SHOP_PASSWORD}", "wrong-${SHOP_PASSWORD}", "status 401, expected 200"),
        ('"/login/access-token"', '"/login/access-token"\nexpect = { status = 201 }', "status 200, expected 201"),
        (
            'prepare = "',
            'prepare = "echo $SHOP_PASSWORD; exit 3; ',
            "the prepare command of [target] failed (exit code 3)",
        ),
    ],
)
def test_an_error_before_the_load_names_the_cause_and_no_secret(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """The answer's keys are shown, which say what to capture; its values are not."""
    with running(tmp_path, SCENARIO.replace(old, new, 1)) as measuring:
        done = measuring.end()
    assert done.code == 4
    assert problem in done.stderr
    secrets = [data for data in left_behind(tmp_path, done).values() if A_SECRET.search(data)]
    assert secrets == []
    assert ("check the values of SHOP_PASSWORD, SHOP_USER" in done.stderr) == ("status" in problem)
    if "capture" in problem:
        assert "body: access_token, token_type" in done.stderr


def test_a_captured_value_that_fits_into_no_header_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(200, None, b"{}", (("token", "x" * 65_537),))
    monkeypatch.setattr("loopbench.measure.before.ask_request", lambda *_: answer)
    before = {"name": "login", "path": "/login", "capture": {"token": "header:token"}}
    scenario = made_scenario("a", before=[before])
    target = cast("AnyTarget", SimpleNamespace(last_words=lambda: ""))
    with pytest.raises(TargetError, match=r"no header:token to capture as 'token': .* at most 65,536 characters"):
        prepare(target, scenario, NO_VALUES, cast("StopWish", None))


def test_of_a_wrong_answer_with_many_keys_the_first_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({f"{key:03}{'x' * 1_000}": 1 for key in range(1_000)}).encode()
    answer = Answer(401, None, body, tuple((f"name-{number}", "x") for number in range(30)))
    monkeypatch.setattr("loopbench.measure.before.ask_request", lambda *_: answer)
    scenario = made_scenario("a", before=[{"name": "login", "path": "/login"}])
    target = cast("AnyTarget", SimpleNamespace(last_words=lambda: ""))
    with pytest.raises(TargetError) as error:
        prepare(target, scenario, NO_VALUES, cast("StopWish", None))
    assert "name-18, name-19, and 10 more; body: 000xx" in error.value.detail
    assert error.value.detail.strip().endswith("x, and 980 more")
    assert len(error.value.detail) < 3_000


@pytest.mark.parametrize(
    ("environ", "old", "new", "problem"),
    [
        ({"SHOP_USER": "x"}, "", "", "environment variables of the scenario are not set: SHOP_PASSWORD"),
        (SECRETS, 'column = "name"', 'column = "nme"', "has no whole column 'nme'"),
    ],
)
def test_missing_values_are_found_before_anything_starts(
    tmp_path: Path, environ: dict[str, str], old: str, new: str, problem: str
) -> None:
    scenario = load(write(tmp_path, SCENARIO.replace(old, new) if old else SCENARIO))
    with pytest.raises(UsageError, match=problem):
        read_values(scenario, environ)
