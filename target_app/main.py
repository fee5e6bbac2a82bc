"""The app: one router per kind of work.

Run it with `loopbench serve`, measure it with `make bench`. Each module shows one kind of work in every style. A
module's resources (a folder, a pool of processes) belong to its own lifespan and are created at first use, so that a
run pays only for the work that it measures.
"""

from fastapi import FastAPI

from . import (
    background,
    cancellation,
    cpu,
    file_read,
    file_write,
    hello,
    mixed,
    shared_state,
    trivial,
    wait,
    with_services,
)

app = FastAPI(title="loopbench target", description="The same work in every concurrency style.")
app.include_router(hello.router)
app.include_router(file_write.router)
app.include_router(file_read.router)
app.include_router(trivial.router)
app.include_router(wait.router)
app.include_router(cpu.router)
app.include_router(mixed.router)
app.include_router(shared_state.router)
app.include_router(cancellation.router)
app.include_router(background.router)
for router in with_services.routers():
    app.include_router(router)
