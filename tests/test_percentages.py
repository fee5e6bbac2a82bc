"""A percentage is written with a space, `5 %`, in everything that a user reads."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [each for folder in ("loopbench", "plots") for each in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.name))
def test_a_document_has_a_space_before_each_percent_sign(file: Path) -> None:
    assert re.findall(r".{0,30}\d%", file.read_text(encoding="utf-8")) == []


def test_no_module_formats_a_share_without_a_space() -> None:
    assert [file for file in SOURCES if re.search(r":[-+,.\d]*%[}\"]", file.read_text(encoding="utf-8"))] == []
