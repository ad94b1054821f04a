"""How the numbers of `trapgen.ingest.keymap.groove` are made: `python -m training.keymap DIR`."""
