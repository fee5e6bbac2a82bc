"""What every HTML page of ours shares: escaping, the style sheet, and a policy under which nothing else may load."""

import base64
import hashlib
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loopbench.judge.figures import interval, plural, ratio, rounded, whole
from loopbench.judge.rounds.claims import MEANING
from loopbench.plots import theme
from loopbench.showable import showable


def environment() -> Environment:
    """Our templates, with everything they print escaped, and the filters all of them may use."""
    made = Environment(
        loader=PackageLoader("loopbench.plots"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(rounded=rounded, ratio=ratio, interval=interval, whole=whole, plural=plural)
    made.globals["meaning_of_answers"] = " ".join(f"{word}: {meaning}." for word, meaning in MEANING.items())
    made.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    made.finalize = _shown
    return made


def style_sheet(made: Environment) -> tuple[Markup, str]:
    """The page's style sheet, and the content security policy that lets it be and nothing else."""
    assert made.loader is not None
    css = theme.css() + made.loader.get_source(made, "report.css")[0]
    return Markup(css), _policy(css)  # noqa: S704  our own file


def _shown(value: Any) -> Any:
    """Whatever text a template prints is foreign until proven otherwise: escapes for what cannot be seen."""
    return showable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _policy(css: str) -> str:
    """Nothing is fetched, run, framed or sent; the one style sheet is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
