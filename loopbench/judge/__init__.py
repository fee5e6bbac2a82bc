"""From files to verdicts: what was recorded becomes tables, statistics, stamps and sentences."""
