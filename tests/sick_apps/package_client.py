"""A client out of somebody else's package blocks; the line to change is the user's own."""

import importlib
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parent / "site-packages"))

fakeclient: Any = importlib.import_module("fakeclient")

app = FastAPI()


@app.get("/")
async def price() -> int:
    return int(fakeclient.Client().price("tea"))  # guilty
