"""Takes screenshots of a session's page for the docs with headless Chromium: wide and narrow, light and dark.

    python -m benchmarks screenshots SESSION [--out docs/images]

They show the top of the page as it opens, and selected sections.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.chromium import Tab, chromium

PAGE: Final = "report.html"


class Shot(NamedTuple):
    """One picture: the whole first screen or, with a section's id, that section."""

    name: str
    width_px: int
    height_px: int
    dark: bool = False
    section: str = ""


SHOTS: Final = (
    Shot("report-light", 1280, 1640),
    Shot("report-dark", 1280, 1640, dark=True),
    Shot("report-phone", 390, 1500),
    Shot("report-profiles", 1280, 900, section="profiles"),
    Shot("report-why", 1280, 900, section="why"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take all screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("session", type=Path, help="the folder of a session, with its page")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        tab = browser.tab()
        tab.show((options.session / PAGE).read_text(encoding="utf-8"))
        for shot in SHOTS:
            path = options.out / f"{shot.name}.png"
            if take(tab, shot, path):
                print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    return 0


def take(tab: Tab, shot: Shot, path: Path) -> bool:
    """Take one screenshot; return False if the session lacks the section."""
    tab.view(shot.width_px, shot.height_px, dark=shot.dark)
    if not shot.section:
        tab.screenshot(path, clip={"x": 0, "y": 0, "width": shot.width_px, "height": shot.height_px})
        return True
    box = tab.evaluate(
        f"(() => {{ const e = document.getElementById('{shot.section}'); if (!e) return null;"
        " const b = e.getBoundingClientRect(); return [b.top + scrollY, b.height]; })()"
    )
    if box is None:
        return False
    top, height = box
    tab.screenshot(path, clip={"x": 0, "y": top, "width": shot.width_px, "height": height})
    return True


if __name__ == "__main__":
    sys.exit(main())
