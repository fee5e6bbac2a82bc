"""Restricts Locust's start form to one variant of the scenario, a number of users, and this scenario's target.

Locust accepts any option of its command line from the form, including the host, and checks none against a list.
"""

from typing import Any, Final

from flask import Flask, Response, jsonify, request
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_SPAWNING, STATE_STOPPING

from locustfiles.recorder import Recorder
from locustfiles.sinks import NoSink
from locustfiles.variant_user import variant_user
from loopbench.records.load_order import UiOrder

VARIANT_FIELD: Final = "variant"
FIELDS: Final = frozenset({"user_count", "spawn_rate", "host", "run_time", "profile", VARIANT_FIELD})
"""The fields of the form. A page may not set other options of the command line."""

AT_WORK: Final = frozenset({STATE_SPAWNING, STATE_RUNNING, STATE_STOPPING, STATE_CLEANUP})


class StartForm:
    """Checks the form's input, and gives each load the users of the chosen variant.

    Args:
        environment: Locust's environment.
        order: the variants to choose from.
    """

    def __init__(self, environment: Environment, order: UiOrder) -> None:
        self._environment = environment
        self._order = order
        self.variant = next(iter(order.orders))
        environment.host = order.url
        environment.events.test_start.add_listener(self._choose)

    def guard(self, app: Flask) -> None:
        """Check every start before Locust handles it."""
        app.before_request(self._refuse)

    def problem(self, fields: dict[str, str]) -> str | None:
        """Return why this cannot be started, as a sentence for the form; None if it can."""
        unknown = sorted(fields.keys() - FIELDS)
        if unknown:
            return f"{unknown[0]} cannot be set here"
        if fields.get("host", self._order.url) != self._order.url:
            return f"the host is this scenario's target, {self._order.url}, and no other"
        variant = fields.get(VARIANT_FIELD, self.variant)
        if variant not in self._order.orders:
            return "there is no such variant in this scenario"
        runner = self._environment.runner
        if variant != self.variant and runner is not None and runner.state in AT_WORK:
            return "stop the load before you choose another variant"
        return None

    def _refuse(self) -> Response | None:
        if request.path != "/swarm":
            return None
        problem = self.problem(request.form.to_dict())
        # The format of Locust's own refusals, so that its page shows the sentence.
        return None if problem is None else jsonify(success=False, message=problem, host=self._order.url)

    def _choose(self, **_: Any) -> None:
        options = self._environment.parsed_options
        self.variant = getattr(options, VARIANT_FIELD, None) or self.variant
        self._environment.host = self._order.url
        order = self._order.orders[self.variant]
        # One recorder per load, because it numbers the users from 0.
        self._environment.user_classes[:] = [variant_user(order, Recorder(NoSink(), order.run), Event())]
