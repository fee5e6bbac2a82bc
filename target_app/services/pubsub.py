"""Google's in-memory Pub/Sub server, built by `pubsub_emulator/build.sh`. `PUBSUB_EMULATOR_HOST` names the user's own.

The user's own may be the emulator of the Google Cloud SDK. Neither reports a version.
"""

import os
import socket
import sys
from pathlib import Path

from .launching import NotReadyError, free_port, look_at_own, serve

VARIABLE = "PUBSUB_EMULATOR_HOST"
SERVER = Path(__file__).with_name("pubsub_emulator") / "bin" / "pubsub-emulator"


def version(host: str) -> str:
    """Return an empty version once the server accepts connections: the protocol has no call for it."""
    name, _, port = host.rpartition(":")
    try:
        socket.create_connection((name, int(port)), timeout=5).close()
    except OSError as problem:
        raise NotReadyError(str(problem)) from None
    return ""


def main(folder: Path) -> int:
    """Serve, or announce the user's own server."""
    if own := os.environ.get(VARIABLE):
        return look_at_own(folder, own, version)
    host = f"127.0.0.1:{free_port()}"
    return serve([str(SERVER), host], url=host, version=version, folder=folder)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
