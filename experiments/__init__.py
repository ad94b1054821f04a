"""The original's experiments and the paper's, done again (`python -m experiments`).

Each is a named DVC experiment of this repository's own pipeline, with two stages more
(`stages.yaml`): one that measures what the sides have in common and refuses nothing, one that
learns as the original did. They run in a copy of the checkout; `docs/reproduction.md` tells what
came out. No figure made here goes into a model or a report of the pipeline.
"""
