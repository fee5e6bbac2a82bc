"""Pure Python that computes for a few milliseconds: less than the interpreter's switch interval."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def compute() -> str:
    total = 0
    for number in range(40_000):  # guilty
        total += number * number  # guilty
    return str(total)
