# Needs make, a shell and Python 3.11 or newer; everything else comes from requirements.lock.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/bin
BENCH_STAMP := .venv-bench/.installed
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench bench-full format readme lock clean

help:  ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 # /p' Makefile | awk -F'#' '{ printf "%-16s%s\n", $$1, $$2 }'

setup: $(STAMP)  ## .venv, with the versions of requirements.lock and this project in it

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found; name one: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11; name another: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "building .venv with $$("$(PYTHON)" --version) (a minute or two, once)" >&2
	@$(BIN)/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## a month of usage, from an export to invoice-ready lines
	@$(BIN)/python -m flows.commands.demo

test: $(STAMP)  ## every test, on a real Postgres
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --quiet

lint: $(STAMP)  ## ruff, mypy and the walls between the rooms
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >.venv/lint-imports.txt 2>&1 || { cat .venv/lint-imports.txt >&2; exit 1; }
	@echo "lint: clean"

bench: $(STAMP) $(BENCH_STAMP)  ## our import beside others on one Postgres: ratios, in some ten minutes
	@$(BIN)/python -m tests.bench --rows 1000000 --base-rows 2000000 --rounds 2 $(BENCH)

bench-full: $(STAMP) $(BENCH_STAMP)  ## the same with 5 and 20 million rows; hours, 60 GB of disk
	@$(BIN)/python -m tests.bench --rows 5000000 --base-rows 20000000 --sizes 1000000 2000000 5000000 20000000 --rounds 3 $(BENCH)

$(BENCH_STAMP): tests/bench/requirements.lock
	@echo "building .venv-bench for the other loaders (a minute, once)" >&2
	@test -x .venv-bench/bin/python || "$(PYTHON)" -m venv .venv-bench
	@.venv-bench/bin/python -m pip --quiet --quiet --disable-pip-version-check --no-input install --require-hashes --requirement $<
	@touch $@

format: $(STAMP)  ## what ruff can mend by itself
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

readme: $(STAMP)  ## the outputs in README.md anew, from real runs
	@UPDATE_README=1 $(BIN)/python -m pytest --quiet tests/test_readme.py

lock:  ## requirements.lock anew from pyproject.toml; needs uv
	@.ci/lock

clean:  ## away with everything built
	@rm -rf .venv .venv-bench .usage-import build ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
