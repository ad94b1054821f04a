"""Import of packs: folders, ZIPs and the Groove MIDI Dataset, copied byte for byte."""
