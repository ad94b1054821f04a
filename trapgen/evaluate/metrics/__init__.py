"""Metrics of a model and of the loops that it generates."""
