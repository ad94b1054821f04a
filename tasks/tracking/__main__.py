"""Make the checkout's store ready for MLflow's pages: `python -m tasks.tracking ADDRESS`."""

import sys
from pathlib import Path

from tasks.tracking.store import EXPERIMENT, connect

if __name__ == "__main__":
    number = connect(Path.cwd()).get_experiment_by_name(EXPERIMENT).experiment_id
    # MLflow opens an experiment as one of agents and prompts, unless its address says otherwise.
    print(f"{sys.argv[1]}/#/experiments/{number}/runs?workflowType=machine_learning")
