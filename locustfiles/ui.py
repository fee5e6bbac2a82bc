"""The locustfile of the web UI: the choice of variants, the access gate and our tab. It records nothing.

LOOPBENCH_LOAD_SPEC=ui.json locust -f locustfiles/ui.py ...
"""

from typing import Any

from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loopbench.locustfiles.live_figures import LiveFigures
from loopbench.locustfiles.start_form import VARIANT_FIELD, StartForm
from loopbench.locustfiles.web_gate import restrict_access
from loopbench.locustfiles.web_tab import add_tab
from loopbench.records.load_spec import UiSpec, read_spec

ui_spec = read_spec(UiSpec)


class VariantUser(User):
    """Placeholder in Locust's list of user classes, until a load begins with the chosen variant's class."""

    @task
    def nothing(self) -> None:
        """Do nothing; Locust warns about a class without a task."""


@events.init_command_line_parser.add_listener
def _offer_variants(parser: LocustArgumentParser, **_: Any) -> None:
    names = list(ui_spec.loads)
    parser.add_argument(f"--{VARIANT_FIELD}", choices=names, default=names[0], help="what the users ask for")


@events.init.add_listener
def _set_up(environment: Environment, **_: Any) -> None:
    ui = environment.web_ui
    assert ui is not None, "this locustfile is the web UI's"
    assert ui.app is not None
    form = StartForm(environment, ui_spec)
    figures = LiveFigures(environment, form, ui_spec.probe_folder)
    restrict_access(ui.app, ui.port, ui_spec.token)
    form.guard(ui.app)
    add_tab(ui, figures, ui_spec)
