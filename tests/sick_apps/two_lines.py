"""A blocking database driver in `async def`, with short queries on two lines."""

import socket
import threading
import time

from fastapi import FastAPI

app = FastAPI()


def database(listener: socket.socket) -> None:
    """Answer each query after 3 ms, as another machine would."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    while connection.recv(100):
        time.sleep(0.003)
        connection.sendall(b"row")


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=database, args=(listener,), daemon=True).start()
client = socket.create_connection(listener.getsockname())


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/")
async def root() -> int:
    client.sendall(b"select user")
    user = client.recv(100)  # guilty /
    client.sendall(b"select items")
    return len(user) + len(client.recv(100))  # guilty /
