"""A real headless Chromium for tests, driven by the DevTools protocol over two pipes: no port, no package.

https://chromedevtools.github.io/devtools-protocol/ tells the methods; `--remote-debugging-pipe` reads commands from
descriptor 3 and answers on 4, JSON messages that end in a NUL.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER_S: Final = 60.0
"""A command that takes longer has failed."""
_HIGH: Final = 10  # clear of the descriptors that the browser wants
_START: Final = (
    "import os, sys; r, w = int(sys.argv[1]), int(sys.argv[2]); "
    "os.dup2(r, 3); os.dup2(w, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_OPTIONS: Final = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--hide-scrollbars",
    "--no-sandbox",  # root cannot have one, and it opens nothing but our own pages
)


class BrowserError(Exception):
    """A command was refused, or was not answered."""


def installed() -> str | None:
    """The browser's path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page of a browser."""

    def __init__(self, browser: "Chromium", target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session
        self.ask("Page.enable")

    def close(self) -> None:
        """Close the page; the browser runs on."""
        self._browser.ask("Target.closeTarget", targetId=self._target)
        self._browser.forget(self._session)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to this page and wait for its answer.

        Raises:
            BrowserError: it was refused, or not answered.
        """
        return self._browser.ask(method, self._session, **parameters)

    def show(self, html: str, headers: dict[str, str] | None = None) -> None:
        """Show this page as if a server had sent it with these headers; nothing else can be fetched."""
        self.ask("Fetch.enable", patterns=[{"urlPattern": "*"}])
        self._browser.forget(self._session)
        self._browser.send("Page.navigate", self._session, url="http://page.test/")
        paused = self._browser.wait_for("Fetch.requestPaused", self._session)
        told = [{"name": key, "value": value} for key, value in (headers or {}).items()]
        self.ask(
            "Fetch.fulfillRequest",
            requestId=paused["requestId"],
            responseCode=200,
            responseHeaders=[{"name": "Content-Type", "value": "text/html; charset=utf-8"}, *told],
            body=base64.b64encode(html.encode()).decode(),
        )
        self._browser.wait_for("Page.loadEventFired", self._session)
        self.ask("Fetch.disable")

    def view(self, width_px: int, height_px: int = 900, *, dark: bool = False, media: str = "") -> None:
        """Look at it so wide, in the light or the dark, on a screen or as if printed."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width_px, height=height_px, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def evaluate(self, script: str) -> Any:
        """What an expression gives, awaited; as JSON.

        Raises:
            BrowserError: it threw.
        """
        told = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise BrowserError(json.dumps(told["exceptionDetails"])[:2000])
        return told["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key, `Tab` with code 9 for instance, which may write a text."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def screenshot(self, path: Path, *, whole: bool = True, clip: dict[str, float] | None = None) -> None:
        """A PNG of the whole page, of what is in view, or of a part (x, y, width, height, scale)."""
        part = {} if clip is None else {"clip": {"scale": 1, **clip}}
        told = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole or clip is not None, **part)
        path.write_bytes(base64.b64decode(told["data"]))


class Chromium:
    """A running browser; see `chromium`."""

    def __init__(self, process: subprocess.Popen[bytes], commands: int, answers: int) -> None:
        self._process, self._commands, self._answers = process, commands, answers
        self._number, self._rest = 0, b""
        self._events: list[dict[str, Any]] = []

    def tab(self) -> Tab:
        """Open an empty page, in front of all others."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        return Tab(self, target, self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def send(self, method: str, session: str = "", **parameters: Any) -> int:
        """Send a command without waiting for its answer; returns its number."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        text = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while text:
            text = text[os.write(self._commands, text) :]
        return self._number

    def ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        number = self.send(method, session, **parameters)
        for message in self._messages(method):
            if message.get("id") == number:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error'].get('message')}")
                result: dict[str, Any] = message["result"]
                return result
            if "method" in message:
                self._events.append(message)
        raise AssertionError

    def forget(self, session: str) -> None:
        """Events that came so far are of no interest."""
        self._events = [each for each in self._events if each.get("sessionId") != session]

    def wait_for(self, event: str, session: str) -> dict[str, Any]:
        """The next event of this name, one that has already come included."""
        for message in self._events:
            if (message["method"], message.get("sessionId")) == (event, session):
                self._events.remove(message)
                kept: dict[str, Any] = message["params"]
                return kept
        for message in self._messages(event):
            if (message.get("method"), message.get("sessionId")) == (event, session):
                told: dict[str, Any] = message["params"]
                return told
            if "method" in message:
                self._events.append(message)
        raise AssertionError

    def _messages(self, wanted: str) -> Iterator[dict[str, Any]]:
        until_s = time.monotonic() + ANSWER_S
        while True:
            while b"\0" in self._rest:
                text, _, self._rest = self._rest.partition(b"\0")
                yield json.loads(text)
            ready, _, _ = select.select([self._answers], [], [], max(0.0, until_s - time.monotonic()))
            part = os.read(self._answers, 1 << 20) if ready else b""
            if not part:
                why = "the browser has ended" if ready else f"no answer in {ANSWER_S:.0f} s"
                raise BrowserError(f"{wanted}: {why}")
            self._rest += part


@contextmanager
def chromium() -> Iterator[Chromium]:
    """A browser of one's own, with a profile that goes with it.

    Raises:
        BrowserError: there is none, or it does not start.
    """
    path = installed()
    if path is None:
        raise BrowserError("there is no Chromium here")
    with tempfile.TemporaryDirectory(prefix="loopbench-chromium-", ignore_cleanup_errors=True) as profile:
        (theirs_in, commands), (answers, theirs_out) = os.pipe(), os.pipe()
        given = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _HIGH) for end in (theirs_in, theirs_out)]
        words = [sys.executable, "-c", _START, *map(str, given), path, *_OPTIONS, f"--user-data-dir={profile}"]
        process = subprocess.Popen(words, pass_fds=given, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for end in (theirs_in, theirs_out, *given):
            os.close(end)
        try:
            yield Chromium(process, commands, answers)
        finally:
            os.close(commands)  # which ends it
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(answers)
