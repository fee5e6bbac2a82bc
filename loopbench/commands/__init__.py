"""The commands, by what they join: `measuring` starts processes, `reporting` reads folders.

Heavy imports happen inside the commands: `loopbench --help` must answer at once, and measuring must not carry pandas.
"""
