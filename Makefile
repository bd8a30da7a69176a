# make nightly · make test · make ui. Each sets up what it needs: Python 3.11, make and the package registries are enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
PY := $(BIN)/python
export PYTHONPATH := $(CURDIR)
export PYTHONWARNINGS := ignore::DeprecationWarning

.PHONY: help
help:  ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.ready: requirements.lock
	@echo "setting up .venv from requirements.lock ..."
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(PY) --require-hashes requirements.lock
	@touch $@

.env: | .venv/.ready
	@$(PY) -m ingestion init

.PHONY: setup
setup: .venv/.ready .env  ## the Python environment, and a .env with this installation's key

.PHONY: nightly
nightly: setup  ## one whole night: load, build, check, publish, verdict (AS_OF=2026-11-20 for another day)
	@$(PY) -m orchestration nightly $(if $(AS_OF),--as-of $(AS_OF))

.PHONY: ui
ui: setup  ## Dagster's UI on this machine (PORT=3000)
	@$(PY) -m orchestration ui --port $(or $(PORT),3000)

.PHONY: test
test: setup static pytest  ## everything that CI runs, screenshots aside

.PHONY: static
static: .venv/.ready
	@$(MAKE) --no-print-directory -j 2 --output-sync lint types

.PHONY: lint
lint: .venv/.ready
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@cd dbt_project && ../$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 models

.PHONY: types
types: .venv/.ready
	@$(BIN)/mypy

.PHONY: pytest
pytest: .venv/.ready
	@$(BIN)/pytest -n 3 --dist loadgroup --no-loadscope-reorder  # three on two cores: nights and servers wait now and then

.PHONY: sources
sources: setup  ## the sources: configured or not, last load, staleness
	@$(PY) -m ingestion list

.PHONY: benchmark
benchmark: setup  ## time loading, a night with nothing new, and the full run on real data; prints and writes benchmarks/
	@$(PY) -m benchmarks $(ARGS)

.PHONY: conformance
conformance: setup  ## the vendors' own clients read the sandbox, each in an environment of its own (ONLY=google_ads)
	@$(PY) -m tests.conformance $(ONLY)

.PHONY: truth
truth: setup  ## what each channel of the simulated company really caused, by simulating it without the channel
	@$(PY) -m ingestion.sandbox truth $(ARGS)

.PHONY: screenshots
screenshots: setup  ## pictures of Dagster's UI and the Data Docs, into docs/pictures (installs Chromium where it can)
	@$(PY) -m tests.screenshots $(ARGS)

.PHONY: lock
lock: .venv/.ready  ## pin the dependencies of pyproject.toml anew
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--group dev --extra bigquery-storage $(ARGS) pyproject.toml -o requirements.lock
