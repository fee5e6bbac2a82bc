"""What all tests share: no property test has a deadline, because no test says anything about time."""

from hypothesis import settings

settings.register_profile("loopbench", settings(), deadline=None)  # on top of what Hypothesis does by itself in CI
settings.load_profile("loopbench")
