"""An object is the endpoint; its answer takes long to serialise."""

from typing import Any

from fastapi import FastAPI

ROWS: list[dict[str, Any]] = [{"number": n, "name": f"row {n}", "tags": ["a", "b"]} for n in range(3_000)]


class Table:
    """Answers with all rows."""

    async def __call__(self) -> Any:  # guilty
        """Serve a request."""
        return ROWS


app = FastAPI()
app.add_api_route("/", Table())
