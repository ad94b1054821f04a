"""Training of the key-map scores in `groove.json`: `python -m training.keymap DIR`."""
