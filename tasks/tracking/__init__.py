"""MLflow: one run per trained model, identified by the hash of its weights.

All data is local under `mlruns/` unless `MLFLOW_TRACKING_URI` is set. A model that DVC restored
from its cache was trained elsewhere or earlier: if no run has it, one is created from the model's
folder. What a run is called and where it comes from stands in `origin.py`, what people read on its
page in `description.py`.
"""
