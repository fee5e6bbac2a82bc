"""The answer of a mounted app takes long to serialise, below a middleware of the app's own that does nothing wrong."""

from typing import Any

from fastapi import FastAPI

ROWS: list[dict[str, Any]] = [{"number": n, "name": f"row {n}", "tags": ["a", "b"]} for n in range(3_000)]

mounted = FastAPI()


@mounted.get("/")  # guilty
async def table() -> Any:
    return ROWS


class Innocent:
    """Passes everything on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Await what is inside."""
        await self.inner(scope, receive, send)


app = FastAPI()
app.mount("/", mounted)
app.add_middleware(Innocent)
