"""Nothing slow in the endpoint of a router in a router; its answer takes long to serialise."""

from typing import Any

from fastapi import APIRouter, FastAPI

ROWS: list[dict[str, Any]] = [{"number": n, "name": f"row {n}", "tags": ["a", "b"]} for n in range(3_000)]

rows = APIRouter()


@rows.get("/")  # guilty
async def table() -> Any:
    return ROWS


inner = APIRouter()
inner.include_router(rows)
app = FastAPI()
app.include_router(inner)
