"""A middleware out of somebody else's package blocks; no line of the user's own is on the stack."""

import importlib
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parent / "site-packages"))

fakeclient: Any = importlib.import_module("fakeclient")

app = FastAPI()
app.add_middleware(fakeclient.Metered)


@app.get("/")
async def hello() -> str:
    return "hello"
