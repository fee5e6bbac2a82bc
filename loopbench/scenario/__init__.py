"""A scenario: a TOML file with one question. `model` defines its keys, `problems` describes its mistakes.

`load` returns a valid scenario; no other module checks it again.
"""

from loopbench.scenario.file import load
from loopbench.scenario.model import Scenario, Timeline
from loopbench.scenario.requests import Request, Variant
from loopbench.scenario.target import Target

__all__ = ["Request", "Scenario", "Target", "Timeline", "Variant", "load"]
