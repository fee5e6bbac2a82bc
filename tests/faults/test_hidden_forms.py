"""Secrets on a command line, in commands of a scenario, and in headers that are not ASCII."""

import base64
import html
import json
import shlex
import tomllib
from collections.abc import Callable
from functools import partial
from html.entities import codepoint2name
from pathlib import Path
from string import ascii_letters
from typing import Final
from urllib.parse import quote, quote_plus

import pytest

from loopbench import secrecy
from loopbench.commands import mapping
from loopbench.commands.starting import header_from_environment
from loopbench.console import error_lines, print_error
from loopbench.errors import ScenarioError, UsageError
from loopbench.judge.decision_map import Axis
from loopbench.measure.before import read_values
from loopbench.scenario import Scenario, load
from loopbench.scenario.secrets import secret_values
from loopbench.secrecy import HIDDEN_VALUE, hidden, hidden_part, public_arguments, public_line, remember


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


@pytest.mark.parametrize(
    "text",
    [
        '[target]\nenv.X = "CANARY" x',
        '[target]\nenv.X = "CANARY"\nenv.X = "CANARY"',
        'target.env."a=b" = CANARY',
        '[target.env."a=b"]\nX = CANARY',
        '[variants.headers] X = "CANARY"',
        '[[variants]]\nheaders.X-Foo = "CANARY" x',
        '[[variants]]\nheaders.X: "CANARY=="',
        '[[variants]]\nheaders "CANARY="',
        '[[variants]]\njson.a = "CANARY" x',
        '[[variants]]\n"json".a = "CANARY" x',
        '[variants.json]\nk = [\n ["CANARY" x]\n]',
        '[[variants]]\njson = [\n X = "CANARY"',
        "[[variants]]\njson = [\n [1],\n {b = CANARY},\n]",
        '[[variants]]\njson = ["]", # ]\n CANARY]',
        '[[variants]]\nbody = """\n[load]\na = 1\nCANARY""" x',
        "[[variants]]\nbody = '''\n\"\n\nCANARY''' x",
        '[[variants]]\nbody = "\n\nCANARY',
    ],
)
def test_a_line_of_a_scenario_that_is_no_toml_is_shown_without_its_value(text: str) -> None:
    """By all keys of its statement, dotted or not; only a line that begins a statement can be a table's header."""
    assert "CANARY" not in public_line(text.splitlines(), len(text.splitlines()))


@pytest.mark.parametrize(
    "text",
    [
        '[[variants]]\nheaders = { A = "]" }\nweight = x',
        '[[variants]]\njson = [\n "[",\n]\nweight = x',
        '[[variants]]\nbody = """\n"a" [""""  # it\'s\nweight = x',
        "[variants.headers]\nA = ''''a'''\n[[variants]]\nweight = x",
        "[target]\nenv = {}\n[variants.headers]",
    ],
)
def test_a_line_without_a_secret_is_shown_whole_after_others(text: str) -> None:
    lines = text.splitlines()
    assert public_line(lines, len(lines)) == lines[-1]


@pytest.mark.parametrize("part", ['\\"', "'", '"', '"""', "'''", "\\", "[", "=", "a", "a.", ".", " ", '"a" ', "\n"])
def test_a_line_is_shown_in_linear_time(part: str) -> None:
    """No pattern reads on to the end of the text from each of its characters."""
    lines = ["[x]", part * 65_536, part * 65_536]
    assert public_line(lines, 3)
    assert public_line([*(part * 65_536).splitlines(), "a"], 2) is not None


@pytest.mark.parametrize(
    ("override", "public"),
    [
        ("target.env.X:CANARY", "target.env.X***"),
        ("target.env.X:CANARY==", "target.env.X***"),
        ("target.env.X CANARY", "target.env.X ***"),
        (" load.users = 50", " load.users = 50"),
    ],
)
def test_what_is_no_setting_is_shown_as_far_as_it_is_a_key(override: str, public: str) -> None:
    assert public_arguments(["run", "--set", override]) == ("run", "--set", public)
    assert public_arguments([f"--set={override}"]) == (f"--set={public}",)


def test_an_unknown_key_is_shown_without_its_value(tmp_path: Path) -> None:
    """It may be meant for `env` or `headers`."""
    file = tmp_path / "s.toml"
    variant = '[[variants]]\nname = "a"\npath = "/"\nheders = { A = "CANARY-2" }\n'
    before = '[[before]]\nname = "b"\npath = "/"\nexpect = { status = 1, jsn = { A = "CANARY-3" } }\n'
    file.write_text(f'[target]\napp = "a:b"\nenvs = {{ GITHUB = "CANARY-1" }}\n{variant}{before}')
    with pytest.raises(ScenarioError) as caught:
        load(file)
    shown = "\n".join(error_lines(caught.value))
    assert "CANARY" not in shown
    assert "envs = ***" in shown
    assert "heders = ***" in shown


def test_an_unknown_key_of_an_override_is_shown_without_its_value(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[target]\napp = "a:b"\n[[variants]]\nname = "a"\npath = "/"\n')
    with pytest.raises(ScenarioError) as caught:
        load(file, ("target.enviroment=CANARY",))
    shown = "\n".join(error_lines(caught.value))
    assert "--set target.enviroment=***" in shown
    assert "CANARY" not in shown


def test_a_malformed_override_is_shown_without_its_value(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text("")
    with pytest.raises(UsageError, match=r"target.env.X\*\*\*") as caught:
        load(file, ("target.env.X:CANARY",))
    assert "CANARY" not in "\n".join(error_lines(caught.value))


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


SECRETS: Final = ("pa'ss/w&rd", 'Qu"ote\\<back>$lash', "pässwörd-ünique", "em😀oji secret%x", "line=one\nline=two\tend")


def _by_character(form: str) -> Callable[[str], str]:
    """Print every character that is no letter by its number."""
    return lambda text: "".join(each if each in ascii_letters else form.format(ord(each)) for each in text)


def _by_byte(form: str) -> Callable[[str], str]:
    return lambda text: "".join(
        chr(byte) if chr(byte) in ascii_letters else form.format(byte) for byte in text.encode()
    )


def _as_latin(text: str) -> str:
    """A header as ASGI apps read it."""
    return text.encode().decode("latin-1")


PRINTERS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of repr": lambda text: repr(repr(text)),
    "repr beside quotes": lambda text: repr([text, "'\""]),
    "ascii": ascii,
    "JSON": json.dumps,
    "JSON as UTF-8": partial(json.dumps, ensure_ascii=False),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "JSON in a shell": lambda text: shlex.quote(json.dumps(text)),
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", r"\/"),
    "shell": shlex.quote,
    "HTML": html.escape,
    "HTML in HTML": lambda text: html.escape(html.escape(text)),
    "HTML by number": _by_character("&#{};"),
    "HTML by hexadecimal number": _by_character("&#x{:X};"),
    "HTML by name": lambda text: "".join(
        f"&{codepoint2name[ord(each)]};" if ord(each) in codepoint2name else each for each in text
    ),
    "Python by name": lambda text: text.encode("ascii", "namereplace").decode(),
    "JavaScript": _by_character(r"\u{{{:x}}}"),
    "C": _by_byte(r"\{:03o}"),
    "hexadecimal escapes": _by_byte(r"\x{:02X}"),
    "quoted-printable": _by_byte("={:02X}"),
    "URL": quote,
    "URL without exceptions": partial(quote, safe=""),
    "URL in URL": lambda text: quote(quote(text)),
    "URL in small letters": _by_byte("%{:02x}"),
    "form": quote_plus,
    "SQL": lambda text: text.replace("'", "''"),
    "CSV": lambda text: text.replace('"', '""'),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a login": lambda text: base64.urlsafe_b64encode(f"me:{text}".encode()).decode().removeprefix("bWU6"),
    "base64 of a query": lambda text: base64.b64encode(b"a" * 3 + quote(text, safe="").encode()).decode()[4:],
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 of JSON": lambda text: base64.b64encode(b"a" * 2 + json.dumps(text).encode()).decode()[4:],
    "hexadecimal digits": lambda text: text.encode().hex(),
    "Latin-1": _as_latin,
    "Latin-1 in JSON": lambda text: json.dumps(_as_latin(text)),
}


@pytest.mark.parametrize("printer", PRINTERS.values(), ids=PRINTERS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_however_it_is_printed(secret: str, printer: Callable[[str], str]) -> None:
    """Whole or by lines; of base64, one digit may stay that shares its bits with the text around."""
    remember([secret])
    shown = hidden(f"before <{printer(secret)}> after").replace(HIDDEN_VALUE, "")
    left = shown.removeprefix("before <").removesuffix("> after")
    assert sum(each.isalnum() for each in left) <= 2


SEEN_BY_AN_APP: Final = {
    'headers = { Cookie = "theme=dark; session=\\"canary-cookie\\"" }': "canary-cookie",
    'headers = { Cookie = "xsrf=canary%3D%2Btail" }': "canary=+tail",
    'headers = { Authorization = "Token token=\\"canary-token\\",response=\\"canary-more\\"" }': "canary-more",
    """headers = { Cookie = 'a="canary-one canary-two"; b=c' }""": "canary-one canary-two",
    """headers = { Cookie = 'b="canary\\054-after"' }""": "canary,-after",
    'target = { env = { DATABASE = "postgres://bob:canary%2Fpw%40x@h/db" } }': "canary/pw@x",
    """target = { env = { CREDENTIAL = '{"type": "x", "client_secret": "canary-key"}' } }""": "canary-key",
    """json = { inner = '{"deep": ["canary-leaf"]}' }""": "canary-leaf",
}


@pytest.mark.parametrize(("keys", "seen"), SEEN_BY_AN_APP.items(), ids=SEEN_BY_AN_APP.values())
def test_a_part_of_a_secret_is_hidden_as_an_app_sees_it(keys: str, seen: str) -> None:
    variant = {"name": "a", "path": "/", **tomllib.loads(keys)}
    raw = {"title": "t", "target": {"app": "a:a"}, "variants": [variant]}
    remember(secret_values(Scenario.model_validate(raw, context={"file": Path("s.toml")}), {}))
    assert hidden(f"got {seen} and answered") == "got *** and answered"


@pytest.mark.parametrize(
    ("header", "value", "seen"),
    [
        ("Cookie = '${OWN}'", "session=canary-cookie; other=x", "canary-cookie"),
        ("Authorization = 'Basic ${OWN}'", base64.b64encode(b"me:canary-word").decode(), "canary-word"),
    ],
)
def test_a_part_of_a_variable_in_a_header_is_hidden(header: str, value: str, seen: str) -> None:
    variant = {"name": "a", "path": "/", "headers": tomllib.loads(header)}
    raw = {"title": "t", "target": {"app": "a:a"}, "variants": [variant]}
    read_values(Scenario.model_validate(raw, context={"file": Path("s.toml")}), {"OWN": value})
    assert hidden(f"got {seen}") == "got ***"


@pytest.mark.parametrize(
    "keys",
    ['headers = { Authorization = "Bearer {acc}" }', 'json = { deep = ["{acc}"] }', 'params = { api_key = "{acc}" }'],
)
def test_data_of_a_header_or_body_is_recorded_and_printed_nowhere(keys: str) -> None:
    """Whatever its name is."""
    variant = {"name": "a", "path": "/", **tomllib.loads(keys)}
    raw = {"title": "t", "target": {"app": "a:a"}, "data": {"acc": ["canary-1", "canary-2"]}, "variants": [variant]}
    scenario = Scenario.model_validate(raw, context={"file": Path("s.toml")})
    read_values(scenario, {})
    assert hidden("got canary-2") == "got ***"
    assert "canary" not in scenario.model_dump_json()


def test_data_of_a_path_is_printed() -> None:
    variant = {"name": "a", "path": "/items/{item}"}
    raw = {"title": "t", "target": {"app": "a:a"}, "data": {"item": ["the-first-item"]}, "variants": [variant]}
    read_values(Scenario.model_validate(raw, context={"file": Path("s.toml")}), {})
    assert hidden("GET /items/the-first-item") == "GET /items/the-first-item"


def test_text_like_a_secret_stays() -> None:
    remember(["a-b-c-d1", "pa'ss/w&rd", '"quoted"'])
    harmless = "GET /a/b/c-d1 'it''s' pass word pa.ss/w&rd a_b_c_d1 quoted"
    assert hidden(harmless) == harmless


def test_a_long_secret_is_hidden_when_it_is_escaped() -> None:
    secret = "".join(f"<{number}>" for number in range(1_000))
    remember([secret])
    assert not any(each.isdigit() for each in hidden(html.escape(secret)))


BODY: Final = '{"user":"alice","password":"hunter22","otp":"123456","device":"laptop"}'
NEARLY_BODY: Final = BODY.removesuffix('"}').replace('"', "\\" * 16) + "#"
HOSTILE_TEXTS: Final = (
    ("a" + "\\" * 200_000, "a" + "\\" * 200_000),
    (NEARLY_BODY, NEARLY_BODY),
    ("a" + "0" * 100_002 + "#", "a***#"),
)


@pytest.mark.parametrize(("text", "shown"), HOSTILE_TEXTS, ids=["backslashes", "for quotes", "a short period"])
def test_no_text_takes_long(text: str, shown: str) -> None:
    """It is read a few times, not once for each way to divide its backslashes, which would take hours."""
    remember([BODY, "a" + "\\" * 8 + "'" * 5 + "b-c", "-" * 40, "000000"])
    assert hidden(text) == shown


def test_the_end_of_a_long_secret_is_not_a_secret_of_its_own() -> None:
    remember(["Zq" * 1_000 + "e"])
    assert hidden("the server ended before it answered") == "the server ended before it answered"


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
