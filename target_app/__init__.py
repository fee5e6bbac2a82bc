"""The app under test: every endpoint a few lines to learn from, each kind of work in every style."""
