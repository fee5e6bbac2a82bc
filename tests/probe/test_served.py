"""The app as a server other than uvicorn gets it: counted at its last byte, with the nonce, and with the probe."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopbench_probe.waits import _kind_of

PROBE = Path(__file__).parents[2] / "probe"
SCRIPT = """
import asyncio
from loopbench_probe.served import app

sent = []

async def send(message):
    sent.append(message)

async def serve():
    for path in ("/whole", "/parts", "/cut", "/raises"):
        try:
            await app({"type": "http", "path": path}, None, send)
        except RuntimeError:
            pass
    await app({"type": "websocket", "path": "/parts"}, None, send)
    print(app.requests_total(), app.tasks(), {tuple(each["headers"]) for each in sent if "headers" in each})

asyncio.run(serve())
"""
APP = """
async def app(scope, receive, send):
    if scope["path"] == "/raises":
        raise RuntimeError
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        if scope["path"] != "/whole":
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        if scope["path"] != "/cut":
            await send({"type": "http.response.body", "body": b"x"})


def create_app(name="app"):
    return app


def needs(name):
    return app
"""


def served(folder: Path, app: str) -> subprocess.CompletedProcess[str]:
    (folder / "made.py").write_text(APP)
    env = {
        "PYTHONPATH": str(PROBE),
        "LOOPBENCH_PROBE_DIR": str(folder),
        "LOOPBENCH_PROBE_NONCE": "n0",
        "LOOPBENCH_PROBE_APP": app,
        "LOOPBENCH_PROBE_APP_DIR": str(folder),
    }
    return subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("app", ["made:app", "made:create_app"])
def test_whole_answers_are_counted_and_carry_the_nonce(tmp_path: Path, app: str) -> None:
    """Answers that were cut or never began are not counted, nor are websockets. The factory gives the same app."""
    done = served(tmp_path, app)
    assert done.stdout == "2 set() {((b'a', b'b'), (b'x-loopbench-run', b'n0'))}\n", done.stderr
    (log,) = tmp_path.glob("probe-*.jsonl")
    records: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    assert records[0]["nonce"] == "n0"
    assert records[-1]["record"] == "end"
    assert records[-1]["requests_total"] == 2


@pytest.mark.parametrize(("app", "error"), [("made:nothing", "AttributeError"), ("made:needs", "TypeError")])
def test_what_is_no_app_ends_with_pythons_own_error(tmp_path: Path, app: str, error: str) -> None:
    assert error in served(tmp_path, app).stderr


def test_tasks_that_a_server_keeps_for_itself_are_no_work_of_the_app() -> None:
    """Hypercorn has some for each connection; they are not what an app leaves behind."""
    code = compile("async def kept(wait): await wait", "/env/site-packages/hypercorn/asyncio/server.py", "exec")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  a function whose file is a server's

    async def kinds() -> tuple[str, str]:
        kept = asyncio.ensure_future(names["kept"](asyncio.Event().wait()))
        own = asyncio.ensure_future(asyncio.sleep(60))
        await asyncio.sleep(0)
        found = [_kind_of(list(reversed(each.get_stack()))) for each in (kept, own)]
        kept.cancel()
        own.cancel()
        return found[0], found[1]

    assert asyncio.run(kinds()) == ("", "other")
