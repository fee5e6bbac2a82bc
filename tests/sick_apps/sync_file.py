"""A file written and synced in a coroutine, a little at a time: it waits for the disk."""

import os
import tempfile

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def write() -> str:
    with tempfile.TemporaryFile() as file:
        for _ in range(10):
            file.write(b"line")
            file.flush()  # guilty
            os.fsync(file.fileno())  # guilty
    return "written"
