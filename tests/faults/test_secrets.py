"""A canary secret wherever a user may put one is found in nothing that loopbench leaves behind, in no disguise."""

import base64
import binascii
import gzip
import html
import json
import os
import re
import signal
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from loopbench.console import error_lines
from loopbench.errors import ExitCode, ScenarioError
from loopbench.measure.preparation import Shell
from loopbench.measure.stop import StopWish
from loopbench.scenario import load
from loopbench.secrecy import is_telling, public_arguments, public_target, without_userinfo
from tests.faults.fault import PHASES
from tests.faults.faults import ALONE, Measuring, check_end, loopbench, processes_of, write_scenario
from tests.faults.planted import with_planted

CANARY = "cnry7f3a9b+/="
PLACES = (
    *("env", "env_slash", "env_dot", "env_quoted", "outer", "outer_pass", "command"),
    *("header", "header_harmless", "header_cookie", "header_basic", "header_key"),
    *("query", "query_words", "query_path", "query_session", "query_named"),
    *("body", "body_form", "json_nested", "json_list"),
)
APP = Path(__file__).parent / "apps" / "prints_everything.py"


def canary(place: str) -> str:
    """The secret of one place."""
    begin = {"env_slash": "/", "outer_pass": "/", "env_dot": "./", "env_quoted": 'it\'s "one"\n'}
    return f"{begin.get(place, '')}{place}-{CANARY}"


def requests_with_secrets() -> str:
    """What follows the beginning of a variant: a secret in every place where a request may have one."""
    text = {place: json.dumps(canary(place)) for place in PLACES}
    login = base64.b64encode(f"user:{canary('header_basic')}".encode()).decode()
    return f"""
method = "POST"
params.size = 3
params.api_key = {text["query"]}
params.accessKey = {text["query_words"]}
params.PHPSESSID = {text["query_session"]}
params.q = {text["query_named"]}
json = {{ deep = [ {{ password = {text["json_nested"]} }}, [ {text["json_list"]} ] ] }}
[variants.headers]
Authorization = "Bearer {canary("header")}"
X-Session = {text["header_harmless"]}
X-Api-Key = {text["header_key"]}
[variants.target.env]
SESSION_VALUE = {text["env"]}
WITH_SLASH = {text["env_slash"]}
WITH_DOT = {text["env_dot"]}
WITH_QUOTES = {text["env_quoted"]}
[[requests]]
name = "raw"
method = "POST"
path = "/fine?passcode={quote(canary("query_path"), safe="")}"
headers = {{ Authorization = "Basic {login}" }}
body = {json.dumps(f"<password>{canary('body')}</password>")}
[[requests]]
name = "form"
method = "POST"
path = "/fine"
headers = {{ Cookie = "theme=dark; sid={canary("header_cookie")}" }}
body = "name=x&secret={quote(canary("body_form"), safe="")}"
"""


def forms(secret: str) -> tuple[bytes, ...]:
    """A secret unchanged, escaped for a URL, HTML, JSON and Python, and inside base64 at each of the three offsets."""
    texts = (secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1])
    inner = [base64.b64encode(b"x" * pad + secret.encode())[4:-4] for pad in range(3)]
    return (*(text.encode() for text in texts), *inner)


def layers(data: bytes) -> list[bytes]:
    """Bytes unchanged, unpacked where they are compressed, and every long base64 text in them decoded."""
    found = [data]
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            found.append(unpack(data))
        except (OSError, zlib.error, EOFError):
            continue
    for text in re.findall(rb"[A-Za-z0-9+/]{64,}={0,2}", data):
        try:
            found += layers(base64.b64decode(text))
        except binascii.Error:
            continue
    return found


def leaks(folder: Path) -> list[str]:
    """Files below a folder that hold a canary, with its place; the scenario itself is the user's."""
    return [
        f"{file.relative_to(folder)}: {place}"
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "case.toml"
        for data in [b"\n".join(layers(file.read_bytes()))]
        for place in PLACES
        if any(form in data for form in forms(canary(place)))
    ]


def nothing(_: Measuring) -> None:
    """The session ends by itself."""


def in_the_hold(number: signal.Signals) -> Callable[[Measuring], None]:
    """A signal amid the load. Before it, the command lines of all its children are kept with the artefacts."""

    def act(measuring: Measuring) -> None:
        measuring.wait_for("phase", phase="hold")
        lines = [line for pid, line in processes_of(measuring.folder) if pid != measuring.process.pid]
        (measuring.folder / "processes").write_text("\n".join(lines))
        measuring.process.send_signal(number)

    return act


ENDS: Final[Mapping[str, tuple[int, Mapping[str, Any], Callable[[Measuring], None]]]] = {
    "orderly": (0, {}, nothing),
    "Ctrl-C": (-signal.SIGINT, PHASES["hold"], in_the_hold(signal.SIGINT)),
    "kill -9": (-signal.SIGKILL, PHASES["hold"], in_the_hold(signal.SIGKILL)),
    "wrong answer": (ExitCode.TARGET, {}, nothing),
}


@pytest.mark.real
@pytest.mark.parametrize("end", ENDS)
def test_no_artefact_holds_a_secret(end: str, tmp_path: Path) -> None:
    """Session folder, page, console, log and temporary files of a target that prints everything in every form."""
    code, settings, act = ENDS[end]
    (tmp_path / "tmp").mkdir()
    more = requests_with_secrets()
    if end == "wrong answer":
        more = f"expect.json.token = {json.dumps(canary('query'))}\n{more}"
    file = write_scenario(tmp_path, **{**ALONE, **settings}, app="prints_everything:app", apps=APP.parent, more=more)
    outer = {"MY_TOKEN": canary("outer"), "DB_PASS": canary("outer_pass"), "TMPDIR": str(tmp_path / "tmp")}
    options = ("--set", f"target.env.EXTRA={canary('command')}", "--set", 'secret=["q"]')
    with Measuring(tmp_path, file, *options, env=outer) as measuring:
        act(measuring)
        ended = measuring.end()
    check_end(ended, code)
    logs = [log.read_text() for log in ended.session.glob("runs/*/target.log")]
    assert [log.count("***") > 20 for log in logs] == [True] * len(logs)
    assert bool(logs) == (end != "kill -9")
    assert leaks(tmp_path) == []


@pytest.mark.real
def test_a_command_of_the_scenario_is_on_no_command_line(tmp_path: Path) -> None:
    """Every user of the machine can read those of the shell and of its minder."""
    command = f"cat /proc/$$/cmdline /proc/$PPID/cmdline > lines; : {canary('command')}"
    with Shell(tmp_path, tmp_path, os.environ, StopWish()).around(command, None):
        pass
    lines = (tmp_path / "lines").read_text()
    assert "minder.py" in lines
    assert canary("command") not in lines


@pytest.mark.real
def test_a_crash_file_holds_no_secret(tmp_path: Path) -> None:
    """It names the command line, without the value that was given on it."""
    file = write_scenario(tmp_path, **ALONE)
    arguments = ("run", file, "--no-lock", "--set", f"target.env.EXTRA={canary('command')}")
    ended = loopbench(*arguments, folder=tmp_path, env={"TMPDIR": str(tmp_path)}, command=with_planted("bug"))
    (tmp_path / "said").write_text(ended.stdout + ended.stderr)
    assert ended.code == ExitCode.BUG
    (crash,) = tmp_path.glob("loopbench-crash-*")
    assert "target.env.EXTRA=***" in crash.read_text()
    assert leaks(tmp_path) == []


def test_a_url_with_a_password_is_refused_without_repeating_it(tmp_path: Path) -> None:
    """The line that is wrong is shown, the user and the password in it are not."""
    file = tmp_path / "case.toml"
    file.write_text('title = "t"\nquestion = "q"\n[target]\nurl = "http://me:hunter22@10.0.0.7:8000"\n'
                    '[[variants]]\nname = "a"\npath = "/"\n')  # fmt: skip
    ended = loopbench("plan", file, folder=tmp_path)
    assert ended.code == ExitCode.USAGE
    assert "target.url" in ended.stderr
    assert "hunter22" not in ended.stderr


@pytest.mark.parametrize(
    ("given", "public"),
    [
        ("/items?size=3", "/items?size=3"),
        ("/items?size=3&api_key=abc&x=1", "/items?size=3&api_key=***&x=1"),
        ("/login?access_token=abc", "/login?access_token=***"),
        ("/books?author=abc&monkey=1", "/books?author=abc&monkey=1"),
    ],
)
def test_parameters_with_telling_names_lose_their_values(given: str, public: str) -> None:
    """And no others: what is asked must stay readable."""
    assert public_target(given) == public


@pytest.mark.parametrize(
    ("given", "public"),
    [
        ("target.env.A=abc", "target.env.A=***"),
        ("--set=variants[0].headers.X=abc", "--set=variants[0].headers.X=***"),
        ("variants[0].params.token=abc", "variants[0].params.token=***"),
        ("--header=X-Own: abc", "--header=X-Own:***"),
        ("load.users=50", "load.users=50"),
        ("scenarios/file_write.toml", "scenarios/file_write.toml"),
    ],
)
def test_a_command_line_keeps_names_and_loses_secrets(given: str, public: str) -> None:
    """What was overridden can be seen, what with cannot, where that may be a secret."""
    assert public_arguments([given]) == (public,)


@pytest.mark.parametrize(
    ("target", "variant", "override"),
    [
        ('app = "a:b"', 'path = "/v?{}"', ""),
        ('app = "a:b"', 'path = "/v"\nreceipt = { path = "/r?{}" }', ""),
        ('app = "a:b"', 'path = "/v"\n[[requests]]\nname = "r"\npath = "/r?{}"', ""),
        ('app = "a:b"', 'path = "/v"\n[[before]]\nname = "b"\npath = "/b?{}"', ""),
        ('app = "a:b"', 'path = "/v"\n[[timelines]]\nname = "t"\nrequests = ["/t?{}"]', ""),
        ('url = "http://127.0.0.1:1/?{}"', 'path = "/v"', ""),
        ('app = "a:b"', 'path = "/v"', "variants.path=/o?{}"),
        ('app = "a:b"', 'path = "/v"', "target.url=http://127.0.0.1:1/?{}"),
    ],
)
def test_a_mistake_in_a_value_shows_no_secret_of_its_query(
    tmp_path: Path, target: str, variant: str, override: str
) -> None:
    """Neither in the quoted line nor in the message, and no part of it after the space that is the mistake."""
    secret = f"size=1&api_key={CANARY} canary"
    file = tmp_path / "s.toml"
    file.write_text(f'[target]\n{target}\n[[variants]]\nname = "v"\n{variant}\n'.replace("{}", secret))
    with pytest.raises(ScenarioError) as caught:
        load(file, (override.format(secret),) if override else ())
    shown = "\n".join(error_lines(caught.value))
    assert "api_key=***" in shown
    assert CANARY not in shown
    assert "canary" not in shown


def test_a_header_of_the_command_line_keeps_its_name() -> None:
    """`advise` records its command line."""
    given = ("advise", "--header", "X-Own: abc=1", "http://h:80/")
    assert public_arguments(given) == ("advise", "--header", "X-Own:***", "http://h:80/")


def test_a_url_loses_its_user_and_password() -> None:
    """Both: a token may stand in either place."""
    assert without_userinfo("postgres://me:secret@db/x and http://token@h/") == "postgres://***@db/x and http://***@h/"


@pytest.mark.parametrize(
    "name", ["pass", "DB_PASS", "passcode", "sessionid", "PHPSESSID", "otp", "accessKey", "bearer"]
)
def test_a_name_suggests_a_secret_by_its_words(name: str) -> None:
    """However they are joined."""
    assert is_telling(name)


@pytest.mark.parametrize("name", ["author", "monkey", "keyboard", "compass", "passenger", "design", "size", "assist"])
def test_a_name_that_only_contains_such_letters_does_not(name: str) -> None:
    assert not is_telling(name)
