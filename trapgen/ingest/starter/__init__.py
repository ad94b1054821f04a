"""The starter corpus: trap drum loops written for this project, under its license.

`tabs` reads drum tabs, `packs` writes them as MIDI packs like those that producers download.
"""
