"""One launcher per service. It serves on loopback until SIGTERM.

    python -m loopbench.bundled.target_app.services.<name> FOLDER

The folder is private to the service. It holds the service's data and, when the service answers, a file `ready` with its
URL and version. The URL may contain a password generated for this start (without one, every user of the machine could
run commands as us through Redis or PostgreSQL), so it is never printed. Everything is removed at the end. If the
service's variable names the user's own server, the launcher writes that server's version and ends.
"""
