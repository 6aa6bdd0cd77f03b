# Every target does all of its own set-up in .venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
SEED := $(shell date +%s)
BIN := $(VENV)/bin
# Tests of engines and of trust open each tier themselves, in every round; `any_tier` marks what need not be repeated.
TIER_MATTERS := tests/engine/test_select.py \
	$(addprefix tests/plugin/test_, ends.py fixtures.py snapshots.py) \
	$(addprefix tests/local/test_, builds.py executions.py files.py lifecycle.py packages.py shells.py snapshots.py tunnels.py)
STAMP := $(VENV)/.installed
# Hundreds of inner runs import the same modules; images of containers ask for no byte code, then each compiles all anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help quickstart test test-landlock fuzz lint bench clean

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "pytest-runloop needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

quickstart: $(STAMP)  ## run the example suite in real devboxes, on this machine
	$(BIN)/python -m pytest examples/quickstart -v

lint: $(STAMP)
	$(BIN)/python scripts/unasync.py --check
	$(BIN)/python scripts/readme.py --check
	$(BIN)/python -m scripts.endpoints --check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: lint  ## check and test everything
	$(BIN)/python -m pytest -n 4 || $(BIN)/python -m scripts.again $$?

test-landlock: $(STAMP)  ## the same on a host that refuses namespaces (forced by a system call filter)
	$(BIN)/python -m tests.support.no_namespaces $(BIN)/python -m pytest examples/quickstart -v
	$(BIN)/python -m tests.support.no_namespaces $(BIN)/python -m pytest -n 4 -m "not any_tier" $(TIER_MATTERS) || \
		$(BIN)/python -m tests.support.no_namespaces $(BIN)/python -m scripts.again $$?

fuzz: $(STAMP)  ## send far more of anything at all to the local backend than `make test` does; SEED repeats a run
	@echo "SEED=$(SEED)"
	FUZZ_SEED=$(SEED) FUZZ_EXAMPLES=300 $(BIN)/python -m pytest -n 4 tests/local/test_any_request.py

bench: $(STAMP)  ## measure the figures of the README
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
