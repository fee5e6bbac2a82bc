"""Benchmarks of loopbench itself: `python -m benchmarks` lists them."""
