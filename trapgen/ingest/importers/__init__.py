"""Packs from outside: folders, ZIPs and the Groove MIDI Dataset, copied byte for byte."""
