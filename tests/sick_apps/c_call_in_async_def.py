"""A call into C that keeps the GIL."""

import re

from fastapi import FastAPI

TEXT = "a" * 26

app = FastAPI()


@app.get("/")
async def match() -> bool:
    return re.match("(a|aa)+$", TEXT + "b") is not None  # guilty
