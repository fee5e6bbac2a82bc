"""Walks the plan: starts the target and the generator, watches both, and writes a session folder."""
