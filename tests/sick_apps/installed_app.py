"""The app itself is an installed package: its lines are the user's own all the same."""

import importlib
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "site-packages"))

app: Any = importlib.import_module("fakeshop").app
