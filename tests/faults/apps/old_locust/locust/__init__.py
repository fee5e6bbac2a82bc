"""Stands for a Locust of another time: most names that we import are not there."""

__version__ = "0.14.6"
