"""`loopbench report`: which files a session has when it is drawn."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopbench.cli import app
from loopbench.commands.gating import Gating
from tests.plots.sessions import charts, page, report


@pytest.mark.parametrize("options", [(), ("--png",)], ids=["plain", "png"])
def test_a_report_has_a_page_and_every_chart(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is the one that the tests of pages look at, which is made from figures that they share."""
    monkeypatch.setattr(Gating, "judge", lambda *_: report("one"))
    monkeypatch.setattr("loopbench.records.session.read_session", lambda _: report("one").record)
    done = CliRunner().invoke(app, ["report", str(tmp_path), *options], catch_exceptions=False)
    stems = charts("one").keys()
    assert done.exit_code == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page("one")
    assert {path.stem for path in tmp_path.glob("charts/*.svg")} == stems
    assert {path.stem for path in tmp_path.glob("charts/*.png")} == (stems if options else {"rps-users"})
    assert {path.name for path in tmp_path.glob("summary.*")} == {"summary.json", "summary.csv", "summary.md"}
