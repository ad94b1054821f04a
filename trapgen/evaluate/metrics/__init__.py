"""Figures about a model and what it writes."""
