"""`python -m loopbench`. Unlike other modules that are run so, it imports nothing from the current folder."""

import sys
from pathlib import Path

if Path(sys.path[0]) == Path.cwd() != Path(__file__).parents[1]:
    del sys.path[0]

from loopbench.cli import main

main()
