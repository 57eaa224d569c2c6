# `make help` lists what can be asked for. Each target works from a fresh clone: the environment makes itself.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-quick bench-peers instructions soak soak-workers fmt lint lock clean env

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# The command line is not a secret, but it may hold quotes: it is passed on as the shell gets it.
ARGS ?=
# Compiled modules are kept, whatever a person's shell says: the tests start hundreds of processes, and to compile all that a service
# imports is a third of its start.
unexport PYTHONDONTWRITEBYTECODE
# -qq: a machine whose own pip settings are odd need not tell a newcomer so; errors are still shown.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip -qq --no-input
# requirements/*.txt must hold no address or path of the machine that made them.
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-header --quiet

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## Watch real orders travel to delivered (ARGS="--orders 300 --report out.json" for a counted run)
	@$(BIN)/orderwright demo $(ARGS)

# Two at a time: half of the tests wait for servers. A file stays together, because its tests share what it starts. In the order of
# their names, so that the long ones (tests/e2e) do not come last, one after the other.
test: lint ## Check everything: style, types, layers, then every test with the real servers
	@$(BIN)/python -m compileall -q schemas actors adapters service ops tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(STAMP) ## Measure the full lifecycle against bare I/O; writes bench.json
	@$(BIN)/python -m ops.bench $(ARGS)

bench-quick: $(STAMP) ## A first look in less than two minutes: nothing but the ratio to bare I/O
	@$(BIN)/python -m ops.bench --quick $(ARGS)

bench-peers: $(STAMP) ## The same orders through DBOS, Restate and Temporal, which install themselves (needs the network)
	@$(BIN)/python -m ops.bench.peers $(ARGS)

instructions: $(STAMP) ## Compare what the hot paths cost in instructions with the baseline (ARGS=--write keeps new figures)
	@$(BIN)/python -m ops.bench.instructions $(ARGS)

soak: $(STAMP) ## The long forms of tests, hours of ordinary life (ARGS="-k ten_thousand" for one alone)
	@$(BIN)/python -m pytest -q -m soak --timeout=0 tests/e2e tests/properties tests/model $(ARGS)

soak-workers: $(STAMP) ## Three workers, 200 kills of workers, parent and servers, and workers that stand still
	@$(BIN)/python -m pytest -q -m soak --timeout=0 tests/e2e/test_workers.py $(ARGS)

lint: $(STAMP) ## Style, formatting, types and layers, without the tests
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Some files are not formatted: run 'make fmt'." >&2; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

fmt: $(STAMP) ## Format and fix what can be fixed by itself
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

lock: $(STAMP) ## Make the hashed locks again from pyproject.toml (needs the network)
	@$(LOCK) --upgrade pyproject.toml -o requirements/runtime.txt
	@$(LOCK) --upgrade --constraint requirements/runtime.txt --group dev pyproject.toml -o requirements/dev.txt

clean: ## Remove the environment and everything that can be made again
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

env: $(STAMP)

# Made once, and again only when the lock or the project's own description changes.
$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Orderwright needs Python 3.11 or newer; '$(PYTHON)' is older. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Making the environment in $(VENV) (once; about a minute) ..." >&2
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
	  { echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu it needs the package python3-venv." >&2; exit 1; }
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
