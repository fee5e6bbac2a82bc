"""Our tab in Locust's web UI: a separate page in a frame, and the figures that it requests once a second.

Locust's extended tabs can hold only tables. So the tab is declared empty, and a script added to Locust's page fills it
with a frame. Without that script the page is still available at `/loopbench/`.
"""

from pathlib import Path
from typing import Final

from flask import Blueprint, Response, jsonify, request, send_from_directory
from locust.web import WebUI

from loopbench.locustfiles.live_figures import LiveFigures
from loopbench.records.load_spec import UiSpec

FOLDER: Final = Path(__file__).with_name("web_tab_files")
TAB_PATH: Final = "/loopbench"
SCRIPT: Final = f'<script src="{TAB_PATH}/frame.js" defer></script></body>'.encode()
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
"""The policy of our page: nothing inline, nothing from elsewhere."""


def add_tab(ui: WebUI, figures: LiveFigures, spec: UiSpec) -> None:
    """Add the tab to the UI, before it serves."""
    assert ui.app is not None
    ui.template_args |= {"extended_tabs": [{"title": "loopbench", "key": "loopbench"}], "extended_tables": []}
    ui.app.after_request(_add_script)
    ui.app.register_blueprint(_pages(figures, spec))


def _pages(figures: LiveFigures, spec: UiSpec) -> Blueprint:
    pages = Blueprint("loopbench", __name__, url_prefix=TAB_PATH)

    @pages.get("/")
    def page() -> Response:
        return send_from_directory(FOLDER, "page.html")

    @pages.get("/<name>")
    def file(name: str) -> Response:
        return send_from_directory(FOLDER, name)

    @pages.get("/live.json")
    def live() -> Response:
        seen = request.args.get("seen", default=0, type=int)
        answer = jsonify(
            title=spec.title, target=spec.url, watched=spec.probe_folder is not None, **figures.since(seen)
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @pages.after_request
    def with_policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return pages


def _add_script(response: Response) -> Response:
    """Add the script to Locust's own page only."""
    if request.path == "/" and response.mimetype == "text/html" and response.status_code == 200:
        response.set_data(response.get_data().replace(b"</body>", SCRIPT))
    return response
