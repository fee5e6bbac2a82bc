"""A file that is read line by line: every line is a hop to a thread and back."""

import asyncio
import tempfile
from pathlib import Path

import aiofiles
from fastapi import FastAPI

app = FastAPI()
PATH = Path(tempfile.gettempdir()) / "loopbench-sick-lines.txt"
PATH.write_text("a line of text\n" * 300, encoding="utf-8")


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/lines")
async def lines() -> int:
    async with aiofiles.open(PATH, encoding="utf-8") as file:
        return len([line async for line in file])  # guilty /lines


@app.get("/whole")
async def whole() -> int:
    return len((await asyncio.to_thread(PATH.read_text, encoding="utf-8")).splitlines())
