"""A canary secret wherever a user may put one is found in nothing that loopbench leaves behind, in no disguise."""

import base64
import binascii
import gzip
import re
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from loopbench.errors import ExitCode
from loopbench.secrecy import public_arguments, public_target, without_userinfo
from tests.faults.faults import ALONE, APPS, Measuring, check_end, loopbench, write_scenario
from tests.faults.planted import with_planted

CANARY = "cnry7f3a9b+/="
PLACES = ("env", "outer", "header", "query", "command", "body")
EVERYWHERE = """
method = "POST"
headers = {{ Authorization = "Bearer {header}" }}
params = {{ api_key = "{query}", size = 3 }}
body = "{body}"
[variants.target]
env = {{ SESSION_VALUE = "{env}" }}
"""


def canary(place: str) -> str:
    """The secret of one place."""
    return f"{place}-{CANARY}"


def forms(secret: str) -> tuple[bytes, ...]:
    """A secret unchanged, quoted for a URL, and inside base64 at each of the three offsets."""
    plain = secret.encode()
    inner = [base64.b64encode(b"x" * pad + plain)[4:-4] for pad in range(3)]
    return (plain, quote(secret, safe="").encode(), *inner)


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


@pytest.mark.real
def test_no_artefact_holds_a_secret(tmp_path: Path) -> None:
    """Session folder, page, charts, console and log of a target that prints its environment and what it is asked."""
    (tmp_path / "prints.py").write_text(
        f"import os, sys\nsys.path.insert(0, {str(APPS)!r})\n"
        "from sick import app\n"
        "print({name: value for name, value in os.environ.items() if name in ('SESSION_VALUE', 'MY_TOKEN', 'EXTRA')})\n"
    )
    more = EVERYWHERE.format(**{place: canary(place) for place in PLACES})
    file = write_scenario(tmp_path, **ALONE, app="prints:app", apps=tmp_path, more=more)
    option = ("--set", f"target.env.EXTRA={canary('command')}")
    with Measuring(tmp_path, file, *option, env={"MY_TOKEN": canary("outer")}) as measuring:
        measuring.record_ceiling()
        ended = measuring.end()
    check_end(ended, 0)
    assert "***" in next(ended.session.glob("runs/*faulty/target.log")).read_text()
    assert leaks(tmp_path) == []


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
        ("load.users=50", "load.users=50"),
        ("scenarios/file_write.toml", "scenarios/file_write.toml"),
    ],
)
def test_a_command_line_keeps_names_and_loses_secrets(given: str, public: str) -> None:
    """What was overridden can be seen, what with cannot, where that may be a secret."""
    assert public_arguments([given]) == (public,)


def test_a_url_loses_its_user_and_password() -> None:
    """Both: a token may stand in either place."""
    assert without_userinfo("postgres://me:secret@db/x and http://token@h/") == "postgres://***@db/x and http://***@h/"
