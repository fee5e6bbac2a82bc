"""One run's files as tables: samples, the probe's log, windows of time, and the plain figures of each."""
