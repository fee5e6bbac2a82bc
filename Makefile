# `make bench` measures, `make test` checks. Each target first sets up .venv from hashed locks.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SCENARIO ?= scenarios/file_write.toml
NAME   :=
PUBSUB_SERVER := target_app/services/pubsub_emulator/bin/pubsub-emulator

.DEFAULT_GOAL := help
.PHONY: docs help bench bench-quick atlas map ui check test nightly benchmark generate

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bench: $(VENV)/.runtime ## measure four ways of writing a file with 100 users, in at most 20 minutes
	$(BIN)/loopbench run $(SCENARIO) --max-minutes 19

bench-quick: $(VENV)/.runtime ## run the same pipeline, draw the same charts and give a verdict in about two minutes
	$(BIN)/loopbench run $(SCENARIO) --quick

atlas: $(VENV)/.runtime ## measure every scenario and answer every claim on one page (two hours, can be resumed)
	$(BIN)/loopbench atlas --write-docs

map: $(VENV)/.runtime ## draw which style is best for which waiting and computing time, in at most 20 minutes
	$(BIN)/loopbench map scenarios/decision_map.toml --x 'variants.params.wait_s=[0, 0.005, 0.05]' \
	    --y 'variants.params.cpu_s=[0, 0.001, 0.005]' --max-minutes 19

ui: $(VENV)/.runtime ## start the target app and Locust's web UI on this machine
	$(BIN)/loopbench ui $(SCENARIO)

check: $(VENV)/.dev ## check formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(VENV)/.dev $(PUBSUB_SERVER) ## run the tests, with real uvicorn and real Locust (COVERAGE=1: with coverage)
	$(BIN)/pytest -n auto $(if $(COVERAGE),--cov --cov-report=term)

nightly: $(VENV)/.dev $(PUBSUB_SERVER) ## run every test, half an hour of random faults and 10,000 fuzzed scenarios
	$(BIN)/pytest -n auto --nightly --max-suite-reruns=0
	$(BIN)/python -m tests.faults.chaos
	$(BIN)/python -m benchmarks fuzz

benchmark: $(VENV)/.dev ## run one of loopbench's own benchmarks (NAME=generator), or list them
	@$(BIN)/python -m benchmarks $(NAME)

$(PUBSUB_SERVER):
	@command -v go >/dev/null && target_app/services/pubsub_emulator/build.sh || \
	    echo "Go is not installed, or cannot build the Pub/Sub server: its tests are skipped"

generate: $(VENV)/.runtime ## write the scenario schema, the scenario reference, the errors and the table of benchmarks
	$(BIN)/loopbench schema > docs/schemas/scenario.schema.json
	$(BIN)/loopbench schema --markdown > docs/scenario-reference.md
	$(BIN)/python -c 'from loopbench.scenario.schema import SCHEMA_LINE as line; print(f"1s|^#:schema .*|{line}|")' | sed -i -f - scenarios/*.toml docs/examples/*/*.toml
	$(BIN)/python -m benchmarks --markdown > benchmarks/README.md
	$(BIN)/python -m tests.error_reference

docs: $(VENV)/.docs ## build the documentation's site into site/
	$(BIN)/mkdocs build --strict --quiet

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

$(VENV)/.docs: $(VENV)/.python requirements/docs.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@
