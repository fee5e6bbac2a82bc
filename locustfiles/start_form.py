"""Restricts Locust's start form to one variant of the scenario, a number of users, and this scenario's target.

Locust accepts any option of its command line from the form, including the host, and checks none against a list.
"""

from typing import Any, Final

from flask import Flask, Response, jsonify, request
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_SPAWNING, STATE_STOPPING

from loopbench.locustfiles.journey_secrets import hide_secrets
from loopbench.locustfiles.journeys import journey_users
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import NoSink
from loopbench.locustfiles.variant_user import variant_user
from loopbench.records.load_spec import LoadSpec, UiSpec

VARIANT_FIELD: Final = "variant"
FIELDS: Final = frozenset({"user_count", "spawn_rate", "host", "run_time", "profile", VARIANT_FIELD})
"""The fields of the form. A page may not set other options of the command line."""

MAX_USERS: Final = 10_000
MAX_SPAWN_RATE: Final = 1_000  # as in a scenario: Locust starts any number of users, and a million take all memory

AT_WORK: Final = frozenset({STATE_SPAWNING, STATE_RUNNING, STATE_STOPPING, STATE_CLEANUP})


class StartForm:
    """Checks the form's input, and gives each load the users of the chosen variant.

    Args:
        environment: Locust's environment.
        spec: the variants to choose from.
    """

    def __init__(self, environment: Environment, spec: UiSpec) -> None:
        self._environment = environment
        self._spec = spec
        self.variant = next(iter(spec.loads))
        environment.host = spec.url
        self._ended = Event()
        self._journeys = _journeys(environment, spec.loads[self.variant], self._ended)
        environment.events.test_start.add_listener(self._choose)
        environment.events.test_stopping.add_listener(lambda **_: self._ended.set())

    def guard(self, app: Flask) -> None:
        """Check every start before Locust handles it."""
        app.before_request(self._refuse)

    def problem(self, fields: dict[str, str]) -> str | None:
        """Return why this cannot be started, as a sentence for the form; None if it can."""
        unknown = sorted(fields.keys() - FIELDS)
        if unknown:
            return f"{unknown[0]} cannot be set here"
        if fields.get("host", self._spec.url) != self._spec.url:
            return f"the host is this scenario's target, {self._spec.url}, and no other"
        variant = fields.get(VARIANT_FIELD, self.variant)
        if variant not in self._spec.loads:
            return "there is no such variant in this scenario"
        if _exceeds(fields.get("user_count", ""), MAX_USERS) or _exceeds(fields.get("spawn_rate", ""), MAX_SPAWN_RATE):
            return f"at most {MAX_USERS:,} users, and {MAX_SPAWN_RATE:,} more each second"
        runner = self._environment.runner
        if variant != self.variant and runner is not None and runner.state in AT_WORK:
            return "stop the load before you choose another variant"
        return None

    def _refuse(self) -> Response | None:
        if request.path != "/swarm":
            return None
        problem = self.problem(request.form.to_dict())
        # The format of Locust's own refusals, so that its page shows the sentence.
        return None if problem is None else jsonify(success=False, message=problem, host=self._spec.url)

    def _choose(self, **_: Any) -> None:
        options = self._environment.parsed_options
        self.variant = getattr(options, VARIANT_FIELD, None) or self.variant
        self._environment.host = self._spec.url
        spec = self._spec.loads[self.variant]
        self._ended.clear()
        self._environment.user_classes[:] = self._users_of(spec)

    def _users_of(self, spec: LoadSpec) -> list[Any]:
        if not self._journeys:
            # One recorder per load, because it numbers the users from 0.
            return [variant_user(spec, Recorder(NoSink(), spec.run), self._ended)]
        wanted = spec.load.user_classes
        return [each for each in self._journeys if not wanted or each.__name__ in wanted]


def _journeys(environment: Environment, spec: LoadSpec, ended: Event) -> list[Any]:
    """Return all user classes of a locustfile, which is loaded once: its listeners would hear twice."""
    if spec.load.locustfile is None:
        return []
    every = spec.model_copy(update={"load": spec.load.model_copy(update={"user_classes": []})})
    found = journey_users(every, Recorder(NoSink(), spec.run), ended, environment)
    hide_secrets(environment, spec.secrets)
    return found


def _exceeds(text: str, limit: float) -> bool:
    """Return whether a field of the form is a number above a limit; Locust refuses what is no number."""
    try:
        return float(text) > limit
    except ValueError:
        return False
