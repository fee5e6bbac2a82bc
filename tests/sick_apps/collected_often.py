"""Many objects that are kept, and a garbage collector that looks at all of them all the time."""

import gc

from fastapi import FastAPI


class Kept:
    """Refers to itself, so that only the collector could tell that it is gone."""

    def __init__(self) -> None:
        self.me = self


KEPT = [Kept() for _ in range(300_000)]
gc.set_threshold(700, 2, 1)

app = FastAPI()


@app.get("/")
async def allocate() -> int:
    return len([[] for _ in range(3_000)])
