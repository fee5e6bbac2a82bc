"""Time to read a foreign file grows with its size, and not with the square: that would be hours for these."""

from pathlib import Path

import pytest

from loopbench.errors import UsageError
from loopbench.scenario.problems import locate
from loopbench.scenario.toml import parse_toml
from loopbench.secrecy import public_line

LONG = 2_000_000


def test_a_line_of_one_long_word_is_refused_and_quoted() -> None:
    with pytest.raises(UsageError, match="not TOML") as refused:
        parse_toml("a" * LONG + "\n", Path("x.toml"))
    assert len(refused.value.where) < 200


def test_a_string_of_escaped_quotes_is_read() -> None:
    assert parse_toml('y = """\n' + '\\"' * (LONG // 8) + '\n"""\n', Path("x.toml"))["y"]


def test_a_string_of_dotted_names_is_read() -> None:
    assert parse_toml(f'y = "{("a." * 499 + "x ") * 3_000}"\n', Path("x.toml"))["y"]


def test_the_line_of_a_key_is_found_beside_a_line_of_dots() -> None:
    assert locate(("b",), f'a = """\n[{"." * LONG}]\n"""\nb = 1\n') == 4


def test_a_secret_s_key_is_found_however_long_its_line_is() -> None:
    assert public_line([f"password = ['{'a' * LONG}',", "'hunter2']"], 2) == "***"
