"""A scenario: a TOML file, one question. `model` says what it may hold, `problems` what is wrong with it.

After `load`, a scenario cannot be wrong and no other module checks it again.
"""

from loopbench.scenario.load import load
from loopbench.scenario.model import Scenario
from loopbench.scenario.requests import Request, Variant
from loopbench.scenario.target import Target

__all__ = ["Request", "Scenario", "Target", "Variant", "load"]
