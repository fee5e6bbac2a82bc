"""Secrets on a command line, in commands of a scenario, and in headers that are not ASCII."""

import tomllib
from pathlib import Path

import pytest

from loopbench import secrecy
from loopbench.commands import mapping
from loopbench.commands.starting import header_from_environment
from loopbench.console import print_error
from loopbench.errors import UsageError
from loopbench.judge.decision_map import Axis
from loopbench.scenario import Scenario, load
from loopbench.scenario.secrets import secret_values
from loopbench.secrecy import hidden, hidden_part, public_arguments, remember


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_remembered", {})


@pytest.mark.parametrize(
    "argument",
    [
        'data={password=["hunter2x"]}',
        'before=[{name="login",path="/",form={user="hunter2x"}}]',
        '--set=target = {app="app:app",env={A="hunter2x"}}',
        "target.prepare=psql postgres:hunter2x",
        "target.cleanup=psql postgres:hunter2x",
        '--x=target.env.API_KEY=["hunter2x"]',
        "--curl=curl -H 'X-Own: hunter2x' http://h/",
    ],
)
def test_a_value_that_may_hold_a_secret_is_not_recorded(argument: str) -> None:
    assert "hunter2x" not in public_arguments([argument])[0]


def test_a_curl_command_is_not_recorded() -> None:
    assert public_arguments(["init", "--curl", "curl -u me:hunter2x http://h/"]) == ("init", "--curl", "***")


@pytest.mark.parametrize(
    "table", ['timelines=[{name="t",requests=["/slow?api_key=hunter2x"]}]', 'receipt={path="/r?token=hunter2x"}']
)
def test_a_secret_in_any_path_of_a_scenario_is_hidden(table: str) -> None:
    variant = {"name": "a", "path": "/"}
    key, value = next(iter(tomllib.loads(table).items()))
    whole = {key: value} if key == "timelines" else {}
    raw = {"title": "t", "target": {"app": "a:a"}, "variants": [variant if whole else variant | {key: value}]} | whole
    remember(secret_values(Scenario.model_validate(raw, context={"file": Path("s.toml")}), {}))
    assert hidden("GET /slow?api_key=hunter2x") == "GET /slow?api_key=***"


@pytest.mark.parametrize(
    "printed",
    [
        repr(b'{"p": "pa\'ss/w&rd"}'),
        repr('{"p": "pa\'ss/w&rd"}'),
        "<p>pa&#39;ss/w&amp;rd</p>",
        r"pa\u0027ss/w\u0026rd",
        r"pa'ss\/w&rd",
        "pa'ss%2Fw%26rd",
    ],
)
def test_a_secret_with_a_quote_is_hidden_however_it_is_printed(printed: str) -> None:
    remember(["pa'ss/w&rd"])
    assert "rd" not in hidden(printed)


@pytest.mark.parametrize(("key", "shown"), [("target.env.DB_PASS", False), ("load.users", True)])
def test_a_map_shows_values_only_where_a_session_records_them(key: str, shown: bool) -> None:
    public = mapping._public(Axis(key, ("hunter2x",)))
    assert (public.values == ("hunter2x",)) is shown


def test_a_header_of_init_is_in_no_file_and_no_error() -> None:
    assert header_from_environment("X-Key: hunter2x") == ("X-Key", "${HEADER_X_KEY}", {"HEADER_X_KEY": "hunter2x"})
    with pytest.raises(UsageError) as refused:
        header_from_environment("Authorization Bearer hunter2x")
    assert "hunter2x" not in refused.value.what


def test_harmless_values_of_the_command_line_are_recorded() -> None:
    harmless = ("load.steps=[1,2]", "load.users=5", "data.item=[17]", "--out=x", "app:app")
    assert public_arguments(harmless) == harmless


def test_a_header_is_hidden_as_an_app_decodes_it() -> None:
    remember(["pässwörd-ünique"])
    decoded = "pässwörd-ünique".encode().decode("latin-1")
    assert hidden(f"[('x', {decoded!r})]") == "[('x', '***')]"


@pytest.mark.parametrize(
    "command",
    [
        "PGPASSWORD=hunter2x psql",
        "seed --api-key='hunter2x'; true",
        'export DB_PASS="hunter2x"',
        "psql postgres://u:hunter2x@localhost/db",
    ],
)
def test_a_secret_in_a_command_of_the_scenario_is_hidden(command: str) -> None:
    raw = {"title": "t", "target": {"app": "a:a", "prepare": command}, "variants": [{"name": "a", "path": "/"}]}
    remember(secret_values(Scenario.model_validate(raw, context={"file": Path("s.toml")}), {}))
    assert hidden("+ psql hunter2x") == "+ psql ***"


@pytest.mark.parametrize("start", range(0, 31, 3))
@pytest.mark.parametrize("end", range(37, 58, 4))
def test_a_part_of_a_text_holds_no_part_of_a_secret(start: int, end: int) -> None:
    """Wherever the part begins and ends."""
    remember(["nested-word", "outer-nested-word-end"])
    text = b"aaaaaaaa outer-nested-word-end bbbbbb nested-word ccccccc"
    part = hidden_part(text, start, end).replace(b"***", b"")
    assert set(part) <= set(b"abc ")
    assert b"bbbbbb" in part


MISTAKES = {
    "a number as a variable": "[target.env]\nDB_PASS = 77711199",
    "a list as a header": '[[variants]]\nname = "a"\npath = "/"\nheaders = { X-Own = ["77711199"] }',
    "a parameter": '[[variants]]\nname = "a"\npath = "/"\n[variants.params]\napi_key = ["77711199"]',
    "no end of a text": '[target.env]\nDB_PASS = "77711199',
    "no end of a list below its key": 'password = [\n  "77711199\n]',
    "no value beside a secret": 'headers = { Authorization = "77711199", X = }',
    "a number on the command line": "--set target.env.DB_PASS=77711199",
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_scenario_is_shown_without_the_secret(
    mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The console may be the log of a CI runner."""
    _, option, override = mistake.partition("--set ")
    file = tmp_path / "s.toml"
    file.write_text(f'title = "t"\n[target]\napp = "a:a"\n{"" if option else mistake}\n')
    with pytest.raises(UsageError) as error:
        load(file, (override,) if option else ())
    print_error(error.value)
    shown = capsys.readouterr().err
    assert "77711199" not in shown
    assert "***" in shown


def test_a_mistake_in_a_harmless_line_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pin of a target is no secret."""
    file = tmp_path / "s.toml"
    file.write_text('title = "t"\n[target]\napp = "a:a"\npin = "very much"\n')
    with pytest.raises(UsageError) as error:
        load(file)
    print_error(error.value)
    assert capsys.readouterr().err.count("very much") == 2
