"""Nothing slow in the endpoint; its answer takes long to serialise."""

from typing import Any

from fastapi import FastAPI

ROWS: list[dict[str, Any]] = [{"number": n, "name": f"row {n}", "tags": ["a", "b"]} for n in range(3_000)]

app = FastAPI()


@app.get("/")  # guilty
async def table() -> Any:
    return ROWS
