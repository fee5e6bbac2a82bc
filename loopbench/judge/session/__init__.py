"""A whole session, judged: its runs, its rounds, its stamp, its gates."""
