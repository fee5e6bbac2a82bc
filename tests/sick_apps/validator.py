"""A model's validator blocks while the answer is checked against the response model."""

import time
from typing import Annotated

from fastapi import FastAPI
from pydantic import AfterValidator, BaseModel


def known(name: str) -> str:
    """Look the name up, slowly."""
    time.sleep(0.02)  # guilty
    return name


class Person(BaseModel):
    """Somebody known."""

    name: Annotated[str, AfterValidator(known)]


app = FastAPI()


@app.get("/", response_model=Person)
async def person() -> dict[str, str]:
    return {"name": "me"}
