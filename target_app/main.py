"""The app: one router per kind of work.

Run it with `loopbench serve`, measure it with `make bench`. It is also meant to be read: open the module of the work
you care about and find every style side by side.
"""

from fastapi import FastAPI

from target_app import file_write, hello

app = FastAPI(title="loopbench target", description="The same work in every concurrency style.")
app.include_router(hello.router)
app.include_router(file_write.router)
