"""The formats written while measuring and read while judging. Only `loopbench.scenario` and `errors` are below it."""

FORMAT_VERSION = 3
"""Version of all formats in a session folder. Increase it when a reader of the old format would misread the new one."""
