"""A template of three thousand rows is rendered on the loop: its own lines are lines of no file."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.templating import Jinja2Templates

ROWS = [{"number": n, "name": f"row {n}"} for n in range(3_000)]
TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")

app = FastAPI()


@app.get("/")
async def table(request: Request) -> Any:
    return TEMPLATES.TemplateResponse(request, "rows.html", {"rows": ROWS})  # guilty
