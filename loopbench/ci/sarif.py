"""SARIF 2.1.0: located findings for code scanning, such as GitHub's."""

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from loopbench import __version__
from loopbench.ci.located import RULE, TITLE, Located

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(found: Sequence[Located]) -> str:
    """The document. Without findings its list of results is empty, which closes earlier alerts."""
    rule = {
        "id": RULE,
        "shortDescription": {"text": f"{TITLE[:1].upper()}{TITLE[1:]}."},
        "fullDescription": {"text": "While this line ran, the event loop of the app answered no other request."},
        "help": {"text": "Await it, or move it to a thread. The page of the session has the advice for this line."},
    }
    run = {
        "tool": {"driver": {"name": "loopbench", "version": __version__, "rules": [rule]}},
        "results": [_result(each) for each in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _result(found: Located) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": _uri(found.file)}, "region": {"startLine": max(1, found.line)}}
    return {
        "ruleId": RULE,
        "ruleIndex": 0,
        "level": "error" if found.broke_a_gate else "warning",
        "message": {"text": found.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"primaryLocationLineHash": found.fingerprint},
    }


def _uri(file: str) -> str:
    """Returns a reference relative to the checkout; a file outside of it has an absolute one."""
    return ("file://" if file.startswith("/") else "") + quote(file, errors="replace")
