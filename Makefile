# make nightly · make test · make ui. Each sets up what it needs: Python 3.11, make and the package registries are enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
PY := $(BIN)/python
export PYTHONPATH := $(CURDIR)

.PHONY: help
help:  ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv/.ready: requirements.lock
	@echo "setting up .venv from requirements.lock ..."
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(BIN)/uv pip sync --quiet --python $(PY) --require-hashes requirements.lock
	@touch $@

.PHONY: setup
setup: .venv/.ready .env  ## the Python environment and a .env with this installation's key

.env: | .venv/.ready
	@$(PY) -m ingestion init
