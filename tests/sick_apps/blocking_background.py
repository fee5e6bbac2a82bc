"""An async background task that blocks: the request has its answer, everybody else waits."""

# ruff: noqa: ASYNC251

import time

from fastapi import BackgroundTasks, FastAPI


async def send_mail() -> None:
    """Talk to the mail server."""
    time.sleep(0.02)  # guilty


app = FastAPI()


@app.get("/")
async def order(later: BackgroundTasks) -> str:
    later.add_task(send_mail)
    return "ordered"
