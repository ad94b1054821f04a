"""One module per stage of `dvc.yaml`: load, call the library, check, track, write.

A module `tasks/NAME.py` defines `VERSION`, which changes with the stage's behavior, and
`run(root)`, which reads and writes files under the checkout's root. `python -m tasks NAME` runs a
stage directly; the flows in `flows/` run them as Prefect tasks. Only this package uses MLflow and
great_expectations (`tracking/`, `serving/`, `checks/`).
"""
