# Two commands: `make bench` measures, `make test` checks. Both set up .venv from hashed locks first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SCENARIO ?= scenarios/file_write.toml

.DEFAULT_GOAL := help
.PHONY: help bench bench-quick ui report check test bench-recorder bench-generator bench-probe lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bench: $(VENV)/.runtime ## the main job: four ways of writing a file under 100 users (see `loopbench plan`)
	$(BIN)/loopbench run $(SCENARIO)

bench-quick: $(VENV)/.runtime ## the same pipeline and charts in under two minutes
	$(BIN)/loopbench run $(SCENARIO) --quick

ui: $(VENV)/.runtime ## the target app and Locust's web UI, on this machine only
	$(BIN)/loopbench ui $(SCENARIO)

report: $(VENV)/.runtime ## draw the newest session again from its files
	$(BIN)/loopbench report

check: $(VENV)/.dev ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(VENV)/.dev ## all tests, with real uvicorn and real Locust
	$(BIN)/pytest

bench-recorder: $(VENV)/.dev ## what recording a request costs, and how fast five million samples load
	$(BIN)/python benchmarks/recorder.py

bench-generator: $(VENV)/.dev ## LlhttpUser, FastHttpUser, HttpUser and wrk against nginx, side by side (needs nginx, wrk)
	$(BIN)/python benchmarks/generator.py

bench-probe: $(VENV)/.dev ## what the probe costs, and how often it names the right line
	$(BIN)/python benchmarks/probe_accuracy.py
	$(BIN)/python benchmarks/probe_cost.py

lock: ## resolve the requirements again (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-header --no-annotate -q -o requirements/runtime.txt
	uv pip compile pyproject.toml --group build --group dev -c requirements/runtime.txt --universal \
	    --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate -q -o requirements/dev.txt

clean: ## remove the environment and caches; results stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "loopbench needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 bench"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements/runtime.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
