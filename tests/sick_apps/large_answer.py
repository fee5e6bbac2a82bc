"""The answer of a `def` endpoint is taken apart and put together on the loop."""

import datetime as dt
import json

from fastapi import FastAPI
from fastapi.responses import Response

app = FastAPI()
NOW = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
ROWS = [{"id": n, "at": NOW, "tags": ["a", "b", "c"], "deep": {"x": n, "y": [n, n]}} for n in range(1500)]


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/report", response_model=None)  # guilty /report
def report() -> dict[str, object]:
    return {"rows": ROWS}


@app.get("/report_ready")
def report_ready() -> Response:
    return Response(json.dumps({"rows": ROWS}, default=str), media_type="application/json")
