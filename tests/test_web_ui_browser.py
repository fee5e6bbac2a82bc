"""The web UI as a person uses it, in a real headless Chromium: open, choose a variant, start, look, stop."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import Chromium, Tab, installed
from tests.opened_ui import OpenedUi, opened_ui

SCENARIO = Path(__file__).parents[1] / "scenarios" / "file_write.toml"
PATIENCE_S = 30.0

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(installed() is None, reason="there is no Chromium here (apt install chromium)"),
]

CHOOSE_AND_START = """
(() => {
  const choice = document.querySelector('select[name="variant"]');
  const option = [...choice.options].find((each) => each.text.includes('/write_bad'));
  Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set.call(choice, option.value);
  choice.dispatchEvent(new Event('change', { bubbles: true }));
  document.querySelector('form button[type="submit"]').click();
})()
"""
STATE_IS_KNOWN = "performance.getEntriesByType('resource').some((each) => each.name.endsWith('/stats/requests'))"
"""The page has the answer to its first question for the state. If that answer, `ready`, arrives after the answer to
Start, Locust's page keeps it and never asks again."""
OPEN_TAB = "[...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent === 'loopbench').click()"
PRESS_STOP = "[...document.querySelectorAll('button')].find((each) => each.textContent === 'Stop').click()"
INSIDE = "document.querySelector('iframe').contentDocument"
VIOLATIONS = "document.addEventListener('securitypolicyviolation', (e) => (window.refused ??= []).push(e.blockedURI))"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenedUi]:
    with opened_ui(SCENARIO, tmp_path_factory.mktemp("ui")) as opened:
        yield opened


@pytest.fixture
def tab(browser: Chromium) -> Iterator[Tab]:
    with closing(browser.tab()) as opened:
        opened.view(1300, 1000)
        opened.ask("Page.addScriptToEvaluateOnNewDocument", source=VIOLATIONS)
        yield opened


def wait_for(tab: Tab, expression: str) -> Any:
    """What the page gives as soon as that is anything; an element that is not there yet is nothing."""
    until_s = time.monotonic() + PATIENCE_S
    while not (found := tab.evaluate(f"(() => {{ try {{ return {expression} }} catch {{ return null }} }})()")):
        assert time.monotonic() < until_s, f"never: {expression}\n{tab.evaluate('document.body.innerText')}"
        time.sleep(0.1)
    return found


def value_of(figure: str) -> str:
    """The script that reads a figure from the table of the tab."""
    rows = f"[...{INSIDE}.querySelectorAll('#now tr')]"
    return f"{rows}.find((row) => row.cells[0].textContent === {json.dumps(figure)}).cells[1].textContent"


def test_a_person_opens_chooses_starts_looks_and_stops(ui: OpenedUi, tab: Tab) -> None:
    tab.ask("Page.navigate", url=ui.url)
    wait_for(tab, "document.querySelector('select[name=variant]') !== null")
    assert tab.evaluate("location.href") == f"http://127.0.0.1:{ui.port}/"  # the token is out of sight
    assert tab.evaluate("document.querySelector('[name=userCount]').value") == "100"
    assert tab.evaluate("document.querySelector('[name=spawnRate]').value") == "1"
    wait_for(tab, "document.querySelector('select[name=variant]').checkVisibility({visibilityProperty: true})")
    wait_for(tab, STATE_IS_KNOWN)

    tab.evaluate(CHOOSE_AND_START)
    wait_for(tab, "[...document.querySelectorAll('[role=tab]')].some((tab) => tab.textContent === 'loopbench')")
    tab.evaluate(OPEN_TAB)

    few = float(wait_for(tab, f"Number({value_of('Users')}) >= 2 && {value_of('Good answers per second')}"))
    many = float(wait_for(tab, f"Number({value_of('Users')}) >= 6 && {value_of('Good answers per second')}"))
    assert many > few > 0
    wait_for(tab, f"{INSIDE}.querySelector('#lines').textContent.includes('target_app/file_write.py')")
    wait_for(tab, f"{INSIDE}.querySelector('#users-chart svg .line') !== null")
    assert tab.evaluate(f"{INSIDE}.querySelectorAll('#curve tr').length") >= 3
    assert "/write_bad" in tab.evaluate(f"{INSIDE}.querySelector('#status').textContent")
    assert tab.evaluate("window.refused ?? null") is None
    assert tab.evaluate("document.querySelector('iframe').contentWindow.refused ?? null") is None

    tab.evaluate(PRESS_STOP)
    ui.wait_for(lambda: ui.look("/stats/requests").json["state"] == "stopped")
    wait_for(tab, f"{value_of('Users')} === '0'")


def test_a_stranger_in_the_same_browser_sees_nothing(ui: OpenedUi, tab: Tab) -> None:
    """A page of another origin, in a browser that has the cookie, can neither read nor order."""
    tab.ask("Page.navigate", url=ui.url)
    wait_for(tab, "document.body.innerText.includes('Host')")
    loads = ui.look("/loopbench/live.json").json["loads"]
    base = f"http://127.0.0.1:{ui.port}"
    tab.show("<!doctype html><title>evil</title><p>evil</p>")
    tries = f"""
    Promise.all([
      fetch({json.dumps(base + "/stats/requests")}, {{ credentials: 'include' }}).then(() => 'read', () => 'refused'),
      fetch({json.dumps(base + "/swarm")}, {{
        method: 'POST', mode: 'no-cors', credentials: 'include',
        body: new URLSearchParams({{ user_count: 1, spawn_rate: 1 }}),
      }}).then(() => 'sent', () => 'refused'),
    ])
    """
    assert tab.evaluate(tries)[0] == "refused"
    assert ui.look("/loopbench/live.json").json["loads"] == loads
