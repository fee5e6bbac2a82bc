"""`python -m loopbench`."""

from loopbench.cli import main

main()
