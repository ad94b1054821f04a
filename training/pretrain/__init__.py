"""Make the packaged model again: `python -m training.pretrain GROOVE --out DIR`.

`sides` reads the Groove MIDI Dataset by its published split and the starter corpus by independent
sources, `learn` trains the networks of words and of touch, `figures` judges them on what they never
saw, and `card` writes down what came of it.
"""
