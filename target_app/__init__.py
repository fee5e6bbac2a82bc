"""The app under test: each kind of work in every concurrency style, in endpoints of a few lines."""
