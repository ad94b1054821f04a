"""How `trapgen/ingest/keymap/groove.json` is made: `python -m training.keymap DIR`."""
