"""An app that cannot be imported."""

raise RuntimeError("the database URL is not set")
