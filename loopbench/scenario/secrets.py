"""Finds the values of a scenario and of the user's environment that are secrets and must not stay in a log."""

from collections.abc import Iterator, Mapping
from typing import Final

from loopbench.scenario.model import Scenario
from loopbench.scenario.requests import Request
from loopbench.secrecy import PARAMETER, PASSWORD_IN_URL, is_telling

MIN_CHARACTERS: Final = 6
"""Shorter values (`1`, `true`) are not searched for in logs, because they occur everywhere."""


def secret_values(scenario: Scenario, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return every value that a target or a generator might write to its log, the longest first."""
    found = {value for value in (*_of_scenario(scenario), *_of_environment(environ)) if len(value) >= MIN_CHARACTERS}
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def _of_scenario(scenario: Scenario) -> Iterator[str]:
    for target in (scenario.target, *(scenario.target_of(variant) for variant in scenario.variants)):
        yield from (
            value for value in target.env.values() if not value.startswith(("/", "."))
        )  # a path is not a secret
        yield from (found[2] for value in target.env.values() for found in PASSWORD_IN_URL.finditer(value))
    for request in (*scenario.requests, *scenario.variants):
        yield from _of_request(request)


def _of_request(request: Request) -> Iterator[str]:
    for name, value in request.headers.items():
        if is_telling(name):
            yield value
            yield value.partition(" ")[2]  # the part after `Bearer`
    yield from (str(value) for name, value in request.params.items() if is_telling(name))
    yield from (found[3] for found in PARAMETER.finditer(request.path) if is_telling(found[2]))
    if isinstance(request.json_, dict):
        yield from (str(value) for name, value in request.json_.items() if is_telling(name))


def _of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in environ.items():
        if is_telling(name) and not value.startswith("/"):  # SSH_AUTH_SOCK, XAUTHORITY: paths
            yield value
        yield from (found[2] for found in PASSWORD_IN_URL.finditer(value))
