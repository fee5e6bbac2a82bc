"""The cross-check of a run's curve: the same throughput against users, from Locust's own CSV history."""
