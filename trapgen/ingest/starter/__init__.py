"""The starter corpus: trap drum loops written for this project, under its license.

`tabs` reads the drum tabs that lie beside it, `packs` writes them as the MIDI packs that a
producer would download.
"""
