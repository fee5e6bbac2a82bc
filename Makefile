# Two commands: `make bench` measures, `make test` checks. Both set up .venv from hashed locks first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SCENARIO ?= scenarios/file_write.toml

.DEFAULT_GOAL := help
.PHONY: help bench bench-quick atlas doctor ui report check test pubsub-emulator lock clean \
    bench-recorder bench-report bench-web-tab bench-compare bench-ceilings faults chaos fuzz schema bench-generator bench-truth bench-probe bench-sensors bench-stamp bench-distributed bench-aa

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bench: $(VENV)/.runtime ## the main job: four ways of writing a file under 100 users, at most 20 minutes
	$(BIN)/loopbench run $(SCENARIO) --max-minutes 19

bench-quick: $(VENV)/.runtime ## the same pipeline and charts in under two minutes
	$(BIN)/loopbench run $(SCENARIO) --quick

atlas: $(VENV)/.runtime ## every scenario, and one page with an answer to every claim (two hours; goes on where it ended)
	$(BIN)/loopbench atlas --write-docs

doctor: $(VENV)/.runtime ## how noisy this machine is, and what would help
	$(BIN)/loopbench doctor

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

bench-report: $(VENV)/.dev ## how long the report of ten million samples takes, and its memory
	$(BIN)/python benchmarks/report_size.py

bench-web-tab: $(VENV)/.dev ## what the live tab of the web UI costs the generator
	$(BIN)/python -m benchmarks.web_tab

bench-compare: $(VENV)/.dev ## is a planted regression found, and none where nothing changed? (half an hour)
	$(BIN)/python -m benchmarks.regressions

bench-ceilings: $(VENV)/.dev ## do real pools reach the ceilings arithmetic gives them? (quiet machine)
	$(BIN)/python -m benchmarks.ceilings

bench-generator: $(VENV)/.dev ## LlhttpUser, FastHttpUser, HttpUser and wrk against nginx, side by side (needs nginx, wrk)
	$(BIN)/python benchmarks/generator.py

bench-truth: $(VENV)/.dev ## our throughput against wrk's on real routes, our latencies against a known truth (needs wrk)
	$(BIN)/python benchmarks/generator_truth.py
	$(BIN)/python benchmarks/latency_truth.py

bench-probe: $(VENV)/.dev ## what the probe costs, and how often it names the right line
	$(BIN)/python benchmarks/probe_accuracy.py --repeat 3
	$(BIN)/python benchmarks/probe_cost.py --level watch
	$(BIN)/python benchmarks/probe_cost.py --level explain

bench-sensors: $(VENV)/.dev ## what sensors, canary and the generator's self-watch cost
	$(BIN)/python benchmarks/sensor_cost.py
	$(BIN)/python benchmarks/generator_watch.py

bench-stamp: $(VENV)/.dev ## the stamp against a clean run, a CPU burner and a slow generator (quiet machine)
	$(BIN)/python benchmarks/stamp_controls.py

bench-distributed: $(VENV)/.dev ## three hosts in network namespaces: counts, curve, a lost worker (needs root)
	$(BIN)/python benchmarks/distributed.py

bench-aa: $(VENV)/.dev ## the same endpoint under two names, six sessions: how often is a difference found?
	$(BIN)/python benchmarks/same_twice.py

faults: $(VENV)/.dev ## every line of the fault table, the expensive ones too
	$(BIN)/pytest tests/faults --slow-faults

chaos: $(VENV)/.dev ## half an hour of faults at random moments of real sessions
	$(BIN)/python -m tests.faults.chaos

fuzz: $(VENV)/.dev ## 10,000 broken scenarios
	$(BIN)/python -m benchmarks.fuzz

schema: $(VENV)/.runtime ## the scenario's JSON Schema and reference, from the code
	$(BIN)/loopbench schema > docs/schemas/scenario.schema.json
	$(BIN)/loopbench schema --markdown > docs/scenario-reference.md

pubsub-emulator: ## Google's in-memory Pub/Sub server, from Debian's Go packages
	target_app/services/pubsub_emulator/build.sh

lock: ## resolve the requirements again (needs uv)
	uv pip compile pyproject.toml --group build --all-extras --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-header --no-annotate -q -o requirements/runtime.txt
	uv pip compile pyproject.toml --group build --group dev --all-extras -c requirements/runtime.txt --universal \
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
