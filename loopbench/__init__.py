"""loopbench: which concurrency style should this endpoint use, what does the wrong one cost, and why."""

__version__ = "0.1.0"
