"""The locustfile of the web UI: one user class a variant, to be picked in the start form. Nothing is kept.

LOOPBENCH_LOAD_ORDER=ui.json locust -f locustfiles/ui.py --class-picker ...
"""

import re
from pathlib import Path
from typing import Any

from gevent.event import Event
from locust import events
from locust.env import Environment

from locustfiles.recorder import Recorder
from locustfiles.sinks import FileSink
from locustfiles.variant_user import variant_user
from locustfiles.web_gate import close_to_other_pages
from loopbench.records.load_order import LoadOrder, UiOrder, read_order

orders = read_order(UiOrder).orders
recorder = Recorder(
    FileSink(Path(next(iter(orders.values())).samples_file)), "ui"
)  # in a folder that goes when the UI ends


def _named(name: str, order: LoadOrder) -> Any:
    """A user class that shows in the form under the variant's name."""
    user = variant_user(order, recorder, Event())
    user.__name__ = user.__qualname__ = re.sub(r"\W", "_", name)
    return user


# Locust takes its user classes from this module's globals.
globals().update({user.__name__: user for user in (_named(*item) for item in orders.items())})


@events.init.add_listener
def _close_the_ui(environment: Environment, **_: Any) -> None:
    ui = environment.web_ui
    if ui is not None and ui.app is not None:
        close_to_other_pages(ui.app, ui.port)
