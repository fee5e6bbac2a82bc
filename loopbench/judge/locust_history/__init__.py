"""Locust's own history CSV of any version, as the same points that samples give: a cross-check."""
