"""GitLab's code quality report: located findings for the widget and the diff of a merge request.

The fields: "Code Quality report format", GitLab's documentation.
"""

import json
from collections.abc import Sequence
from typing import Any

from loopbench.ci.located import RULE, Located
from loopbench.showable import showable


def code_quality(found: Sequence[Located]) -> str:
    """The document, a list of one object for each finding."""
    return json.dumps([_issue(each) for each in found], indent=1) + "\n"


def _issue(found: Located) -> dict[str, Any]:
    return {
        "description": found.message,
        "check_name": RULE,
        "fingerprint": found.fingerprint,
        "severity": "critical" if found.broke_a_gate else "major",
        "location": {"path": showable(found.file), "lines": {"begin": max(1, found.line)}},
    }
