"""A middleware out of somebody else's package blocks while it passes the answer on: the endpoint is innocent."""

import importlib
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parent / "site-packages"))

faketimer: Any = importlib.import_module("faketimer")

app = FastAPI()
app.add_middleware(faketimer.Timed)


@app.get("/")
async def hello() -> str:
    return "hello"
