# Every target sets up what it needs: Python 3.11 to 3.13 and make are enough.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
# Stage commands say `python`: this is which one they mean.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := true
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export PREFECT_HOME := $(CURDIR)/.prefect
MLFLOW_STORE ?= sqlite:///$(CURDIR)/mlruns/mlflow.db
# 5000 is taken on macOS, by AirPlay.
MLFLOW_PORT ?= 5000
SERVE_PORT ?= 5001
PREFECT_PORT ?= 4200
PREFECT_API_URL ?= http://127.0.0.1:$(PREFECT_PORT)/api
REST := servers or browser or slow
# A file of tests stays on one worker, which makes what they share once.
SPREAD ?= -n 2 --dist loadfile --no-loadscope-reorder
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help setup run repair flow test test-all check bench reproduce factory docs lock ui serve \
	compare prefect schedule clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY)  ## a virtual environment with the locked dependencies

$(READY): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --no-deps --require-hashes -r requirements/dev.lock
	python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: $(READY)  ## from loop packs to new loops: everything that is not up to date
	@python -m tasks.inputs
	@dvc repro || { code=$$?; python -m flows.repair --check; exit $$code; }
	@python -m tasks.summary

repair: $(READY)  ## mend what a kill or a full disk left of dvc.lock and DVC's own lock
	python -m flows.repair

flow: $(READY)  ## the same by Prefect; WORKERS=processes or WORKERS=dask spreads the files
	$(if $(WORKERS),PREFECT_API_URL="$(PREFECT_API_URL)") python -m flows.pipeline \
		$(if $(WORKERS),--workers $(WORKERS))
	@python -m tasks.summary

test: $(READY)  ## the tests that need no server and no browser, within 5 minutes
	python -m pytest $(SPREAD) -m "not ($(REST))"

test-all: $(READY)  ## the rest: servers, a browser, whole pipelines; what is missing is skipped
	python -m pytest -m "$(REST)"

check: $(READY)  ## format, lint, types, import rules, a minute of the fuzzers
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python -m fuzz --seconds 60 --seed $$(date +%Y%m%d)

bench: $(READY)  ## figures, side by side: reading, standardizing, leaks, learning, sampling
	python -m bench.ingest
	python -m bench.audit
	python -m bench.train
	python -m bench.sample
	python -m bench.serve

reproduce: $(READY)  ## the original's experiments again, in a copy: docs/reproduction.md
	python -m experiments

factory: $(READY)  ## the packaged models again, from GROOVE=a copy of the dataset
	for grid in 16 32; do \
		python -m training.pretrain $(GROOVE) --steps-per-bar $$grid --out trapgen/factory/$$grid \
			|| exit 1; done

docs: $(READY)  ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

lock:  ## the locks again, from pyproject.toml and their own versions; needs uv
	uv pip compile pyproject.toml --extra dev $(LOCK) -o requirements/dev.lock
	uv pip compile pyproject.toml $(LOCK) -c requirements/dev.lock -o requirements/core.lock

ui: $(READY)  ## browse runs, models and samples in MLflow, on port 5000 (MLFLOW_PORT)
	@python -m tasks.tracking http://127.0.0.1:$(MLFLOW_PORT)
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --host 127.0.0.1 --port $(MLFLOW_PORT) \
		--workers 1 --backend-store-uri "$(MLFLOW_STORE)"

serve: $(READY)  ## the model in use as a server that answers with loops, on port 5001 (SERVE_PORT)
	python -m tasks.serving --port $(SERVE_PORT)

compare: $(READY)  ## DVC's experiments side by side, in 120 columns: what differs, and how well
	dvc exp show --no-pager --only-changed \
		--drop 'Created|data/|bits_per_bar|bar_accuracy|.*(test|leak_gap)'

prefect: $(READY)  ## a Prefect server on 127.0.0.1, at PREFECT_PORT=4200
	python -m flows.server --port $(PREFECT_PORT)

schedule: $(READY)  ## retrain every night, on the server that `make prefect` started
	PREFECT_API_URL="$(PREFECT_API_URL)" python -m flows.serve

clean:  ## remove what runs made; data/packs, DVC's cache and the environment stay
	rm -rf data/raw data/standardized data/split data/augmented data/audit data/encoded data/model \
		data/samples data/reports data/checkpoint data/checks .prefect .pytest_cache .mypy_cache \
		.ruff_cache .import_linter_cache site mlruns/mlflow.db mlruns/artifacts
