"""The load of one run: windows, levels, and what is recorded of it."""

from pathlib import Path

from loopbench.records.codec import from_json, to_json
from loopbench.records.load_spec import LoadSpec, load_spec
from loopbench.records.session import KIND_PLATEAU, KIND_RAMP, KIND_STEPS, PlannedRun
from loopbench.scenario import Scenario
from tests.made_scenario import made_spec

LOAD = {"users": 10, "spawn_rate": 10.0, "hold_s": 2.0, "steps": [1, 2, 20], "step_s": 5.0}


def test_a_window_is_never_shorter_than_the_scenario_says() -> None:
    windows_s = [
        made_spec(Path(), KIND_PLATEAU, repeat={"window_s": 4.0}, min_window_s=each).hold_s for each in (3.0, 30.0)
    ]
    assert windows_s == [4.0, 30.0]


def test_a_level_has_its_share_of_the_window_all_users_need() -> None:
    plain, grown = (made_spec(Path(), KIND_STEPS, load=LOAD, min_window_s=each) for each in (0.0, 30.0))
    assert {level.users: level.hold_s for level in grown.levels} == {1: 5.0, 2: 6.0, 20: 60.0}
    assert [level.users for level in grown.levels] == [level.users for level in plain.levels]


SECRETS = {
    "name": "login",
    "path": "/login?token=in-path&page=2",
    "params": {"api_key": "in-params", "page": 3},
    "method": "POST",
    "headers": {"Authorization": "in-headers", "X-Also": "in-another"},
    "json": {"user": "in-json", "deep": [{"pin": "in-deep"}]},
    "expect": {"json": {"token": "in-expect"}},
}


def test_the_record_hides_what_the_generator_gets() -> None:
    spec = made_spec(Path(), KIND_PLATEAU, request=SECRETS)
    assert from_json(LoadSpec, spec.clear_json(), "") == spec
    recorded = to_json(spec)
    assert "in-" not in recorded
    (read,) = from_json(LoadSpec, recorded, "").requests
    assert set(read.headers) == {"Authorization", "X-Also"}
    assert read.params["page"] == 3
    assert "page=2" in read.path


def test_a_locustfile_s_load_names_the_secrets_of_the_scenario_and_its_record_does_not() -> None:
    target, load = {"app": "a:a", "env": {"MODE": "canary-1"}}, {"locustfile": "own.py"}
    raw = {"title": "t", "target": target, "load": load, "variants": [{"name": "def"}]}
    scenario = Scenario.model_validate(raw, context={"file": Path("made.toml")})
    plan = PlannedRun(1, KIND_RAMP, 0, "def", 1, 1.0)
    spec = load_spec(scenario, plan, nonce="n", url="http://127.0.0.1:1", folder=Path())
    assert "canary-1" in spec.secrets
    assert "canary-1" in spec.clear_json()
    assert "canary-1" not in spec.model_dump_json()


def test_a_record_of_a_record_is_the_same() -> None:
    recorded = to_json(made_spec(Path(), KIND_PLATEAU, request=SECRETS))
    assert to_json(from_json(LoadSpec, recorded, "")) == recorded


def test_a_changed_secret_shows_as_another_mark() -> None:
    marks = {to_json(made_spec(Path(), KIND_PLATEAU, request=SECRETS | {"headers": {"X": value}})) for value in "ab"}
    assert len(marks) == 2
