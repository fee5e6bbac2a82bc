"""A subprocess waited for in a coroutine."""

# ruff: noqa: ASYNC221, S607

import subprocess

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def shell() -> int:
    return subprocess.run(["sleep", "0.03"], check=True).returncode  # guilty
