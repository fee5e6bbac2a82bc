"""The check of an answer. The harness uses it before a run, the generator on every answer."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Expectation:
    """The `expect` table of a request, as sent to the generator."""

    status: int = 200
    json: dict[str, Any] = field(default_factory=dict)  # these keys have exactly these values
    json_min: dict[str, float] = field(default_factory=dict)  # receipts: these keys have at least these values
    size_bytes: int | None = None  # of the body

    def problem(self, status: int, body: bytes) -> str | None:
        """Return what is wrong with an answer in a short phrase, or None. The phrases are error classes, so few."""
        if status != self.status:
            return f"status {status}, expected {self.status}"
        if self.size_bytes is not None and len(body) != self.size_bytes:
            return f"body is not {self.size_bytes} bytes"
        if self.json or self.json_min:
            return self._json_problem(body)
        return None

    def _json_problem(self, body: bytes) -> str | None:
        try:
            answer = json.loads(body)
        except ValueError:
            return "body is not JSON"
        if not isinstance(answer, dict):
            return "body is not a JSON object"
        for key, value in self.json.items():
            if key not in answer or answer[key] != value:
                return f"{key} is not {value!r}"
        for key, least in self.json_min.items():
            reached = answer.get(key)
            if not isinstance(reached, int | float) or not reached >= least:
                return f"{key} is below {least}"
        return None
