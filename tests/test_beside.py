"""Work beside this process: done when the block is, and its errors are ours."""

import os
from pathlib import Path

import psutil
import pytest

from loopbench.beside import beside


def children() -> set[int]:
    """Processes of ours, other tests' among them."""
    return {each.pid for each in psutil.Process().children()}


def test_the_work_is_done_when_the_block_ends(tmp_path: Path) -> None:
    with beside(lambda: (tmp_path / "done").write_text(str(os.getpid()))):
        pass
    assert (tmp_path / "done").read_text()


def test_what_the_work_raises_is_raised_here(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "folder"
    with pytest.raises(FileNotFoundError) as caught, beside(lambda: missing.write_text("x")):
        pass
    assert caught.value.filename == str(missing)


def test_an_error_that_cannot_be_handed_over_is_told_in_words() -> None:
    def work() -> None:
        raise ValueError(lambda: None)

    with pytest.raises((RuntimeError, ValueError)), beside(work):
        pass


def test_work_that_leaves_does_not_run_the_block_twice(tmp_path: Path) -> None:
    def leave() -> None:
        raise SystemExit(0)

    with pytest.raises(ChildProcessError), beside(leave), (tmp_path / "block").open("a") as block:
        block.write("x")
    assert (tmp_path / "block").read_text() == "x"


def test_a_block_that_fails_leaves_no_process() -> None:
    before = children()
    with pytest.raises(KeyError), beside(lambda: [None for _ in iter(int, 1)]):
        raise KeyError("the block")
    assert children() <= before


def test_on_one_core_the_work_is_done_here(tmp_path: Path) -> None:
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})
    try:
        with beside(lambda: (tmp_path / "by").write_text(str(os.getpid()))):
            assert (tmp_path / "by").read_text() == str(os.getpid())
    finally:
        os.sched_setaffinity(0, every)
