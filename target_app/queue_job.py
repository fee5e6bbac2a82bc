"""The job of the queues. It is a module of its own, because RQ imports it again for every job."""

import time


def compute_for(job_ms: int) -> int:
    """Compute for so many milliseconds of CPU time, and return the number of squares."""
    end, squares = time.process_time() + job_ms / 1000, 0
    while time.process_time() < end:
        squares += sum(1 for i in range(100) if i * i >= 0)
    return squares
