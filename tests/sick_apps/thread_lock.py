"""A coroutine waits for a lock that a thread holds."""

import threading
import time

from fastapi import FastAPI

lock = threading.Lock()


def hold() -> None:
    """Keep the lock, give it away for a moment, keep it again."""
    while True:
        with lock:
            time.sleep(0.03)
        time.sleep(0.001)


threading.Thread(target=hold, daemon=True).start()
app = FastAPI()


@app.get("/")
async def guarded() -> str:
    lock.acquire()  # guilty
    lock.release()
    return "in"
