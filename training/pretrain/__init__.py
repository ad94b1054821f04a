"""Training of the packaged models: `python -m training.pretrain GROOVE --out DIR`.

`sides` reads the Groove MIDI Dataset by its published split and the starter corpus by independent
sources, `learn_words` and `learn_humanizer` train the networks, `figures` evaluates them on
held-out data, and `card` documents the result.
"""
