"""How the numbers of `trapgen.keymap.groove` are made: `python -m trapgen.keymap.fit DIR`."""
