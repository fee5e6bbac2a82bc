"""A plain `def` endpoint that computes: its threads and the loop fight for one GIL."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def compute() -> int:
    total = 0
    for number in range(100_000):
        total += number * number % 7
    return total
