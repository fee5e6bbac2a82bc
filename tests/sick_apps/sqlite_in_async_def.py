"""A query that takes the database 20 ms and more, in a coroutine."""

import sqlite3

from fastapi import FastAPI

QUERY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT sum(i) FROM n"
database = sqlite3.connect(":memory:", check_same_thread=False)

app = FastAPI()


@app.get("/")
async def total() -> int:
    return int(database.execute(QUERY).fetchone()[0])  # guilty
