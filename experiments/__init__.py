"""Reproduction of the original's and the paper's experiments (`python -m experiments`).

Each is a named DVC experiment of this repository's own pipeline, with two more stages
(`stages.yaml`): one measures the overlap between splits and refuses nothing, one trains as the
original did. They run in a copy of the checkout; `docs/reproduction.md` reports the results. No
figure from here goes into a model or a report of the pipeline.
"""
