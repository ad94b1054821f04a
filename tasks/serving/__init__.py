"""The model as MLflow serves it: requests for loops in, MIDI with receipts out.

`served_model.py` is the code that goes into the model; `package.py` puts the model together;
`python -m tasks.serving` serves the model in use.
"""
