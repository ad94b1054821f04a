"""One module a stage of `dvc.yaml`: load, call the library, check, track, write.

A module `tasks/NAME.py` has `VERSION`, which changes with the stage's behavior, and
`run(root)`, which reads and writes files under the checkout's root. `python -m tasks NAME` runs
one plainly; the flows in `flows/` run them as Prefect tasks. MLflow and great_expectations are
used here alone (`tracking.py`, `checks/`).
"""
