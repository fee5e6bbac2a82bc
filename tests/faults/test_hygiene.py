"""What is installed is what was locked, and what we promise about security is written down."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ENTRY = re.compile(r"^[A-Za-z0-9._-]+(\[[^\]]+\])?==\S+")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
PINNED_ACTION = re.compile(r"uses:\s*\S+@[0-9a-f]{40}\b|uses:\s*\./")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_requirement_has_its_version_and_its_hashes(lock: Path) -> None:
    """An index that hands out another file for the same version is refused by pip."""
    entries = [each for each in lock.read_text().replace("\\\n", " ").splitlines() if each.strip()[:1] not in {"", "#"}]
    assert entries
    assert [each for each in entries if not ENTRY.match(each) or not HASH.search(each)] == []


def test_the_makefile_installs_with_hashes_required() -> None:
    """But for our own package, which brings no dependencies with it."""
    installs = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    assert installs
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line] == []


def test_every_action_in_a_workflow_is_pinned_by_commit() -> None:
    """A tag can be moved; in examples in the documentation too."""
    folders = [path for path in (ROOT / ".github", ROOT / "docs", ROOT / "examples") if path.exists()]
    files = [file for folder in folders for file in folder.rglob("*") if file.suffix in {".yml", ".yaml", ".md"}]
    uses = [(file.name, line.strip()) for file in files for line in file.read_text().splitlines() if "uses:" in line]
    assert [each for each in uses if not PINNED_ACTION.search(each[1])] == []


def test_security_md_says_what_is_in_scope_and_what_is_not() -> None:
    """Both halves: a promise without its limits is none."""
    text = (ROOT / "SECURITY.md").read_text()
    assert "## In scope" in text
    assert "## Not in scope" in text
