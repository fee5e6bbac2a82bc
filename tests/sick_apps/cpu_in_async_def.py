"""Pure Python that computes for 20 ms and more in a coroutine."""

from fastapi import FastAPI


def count(limit: int) -> int:
    """Add up, slowly."""
    total = 0
    for number in range(limit):
        total += number * number % 7  # guilty
    return total


app = FastAPI()


@app.get("/")
async def compute() -> int:
    return count(300_000)
