"""What comes along with loopbench: `scenarios/` and `target_app/`, side by side as in the repository.

In a checkout both are links to the folders at the top. The scenarios start the app as `target_app.main:app` from this
folder, as they start any user's app; only loopbench itself and its tests use the full name.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
SCENARIOS: Final = FOLDER / "scenarios"


def shown(file: Path) -> str:
    """Return what a user types for a scenario's file: the name of a bundled one."""
    return file.stem if file.parent == SCENARIOS else str(file)
