"""The locustfile of the web UI: the choice of variants, the access gate and our tab. It records nothing.

LOOPBENCH_LOAD_ORDER=ui.json locust -f locustfiles/ui.py ...
"""

from typing import Any

from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from locustfiles.live_figures import LiveFigures
from locustfiles.start_form import VARIANT_FIELD, StartForm
from locustfiles.web_gate import restrict_access
from locustfiles.web_tab import add_tab
from loopbench.records.load_order import UiOrder, read_order

ui_order = read_order(UiOrder)


class VariantUser(User):
    """Placeholder in Locust's list of user classes, until a load begins with the chosen variant's class."""

    @task
    def nothing(self) -> None:
        """Do nothing; Locust warns about a class without a task."""


@events.init_command_line_parser.add_listener
def _offer_variants(parser: LocustArgumentParser, **_: Any) -> None:
    names = list(ui_order.orders)
    parser.add_argument(f"--{VARIANT_FIELD}", choices=names, default=names[0], help="what the users ask for")


@events.init.add_listener
def _set_up(environment: Environment, **_: Any) -> None:
    ui = environment.web_ui
    assert ui is not None, "this locustfile is the web UI's"
    assert ui.app is not None
    form = StartForm(environment, ui_order)
    figures = LiveFigures(environment, form, ui_order.probe_folder)
    restrict_access(ui.app, ui.port, ui_order.token)
    form.guard(ui.app)
    add_tab(ui, figures, ui_order)
