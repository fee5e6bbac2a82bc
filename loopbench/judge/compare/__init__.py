"""Sessions beside each other: before and after, and over time."""
