# Needs make, a shell and Python 3.11 or newer; everything else comes from requirements.lock.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/bin
BENCH_STAMP := .venv-bench/.installed
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage lint bench bench-full format readme lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 # /p' Makefile | awk -F'#' '{ printf "%-16s%s\n", $$1, $$2 }'

setup: $(STAMP)  ## build .venv with the versions of requirements.lock and this project

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found; name one: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11; name another: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "building .venv with $$("$(PYTHON)" --version) (a minute or two, once)" >&2
	@$(BIN)/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## import a month of usage and print its invoice-ready lines
	@$(BIN)/python -m flows.commands.demo

test: $(STAMP)  ## run every test, on a real Postgres
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --quiet

coverage: $(STAMP)  ## run every test and print the share of lines and branches that they reach
	@rm -rf .coverage && mkdir .coverage
	@$(BIN)/python -m coverage run -m pytest --numprocesses 2 --dist loadscope --quiet
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python .ci/coverage

lint: $(STAMP)  ## check with ruff, mypy and import-linter
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >.venv/lint-imports.txt 2>&1 || { cat .venv/lint-imports.txt >&2; exit 1; }
	@echo "lint: clean"

bench: $(STAMP) $(BENCH_STAMP)  ## compare the import with other loaders on one Postgres, in about ten minutes
	@$(BIN)/python -m tests.bench --rows 1000000 --base-rows 2000000 --rounds 2 $(BENCH)

bench-full: $(STAMP) $(BENCH_STAMP)  ## compare with 5 and 20 million rows; takes hours and 60 GB of disk
	@$(BIN)/python -m tests.bench --rows 5000000 --base-rows 20000000 --sizes 1000000 2000000 5000000 20000000 --rounds 3 $(BENCH)

$(BENCH_STAMP): tests/bench/requirements.lock
	@echo "building .venv-bench for the other loaders (a minute, once)" >&2
	@test -x .venv-bench/bin/python || "$(PYTHON)" -m venv .venv-bench
	@.venv-bench/bin/python -m pip --quiet --quiet --disable-pip-version-check --no-input install --require-hashes --requirement $<
	@touch $@

format: $(STAMP)  ## format and fix with ruff
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

readme: $(STAMP)  ## write the outputs in README.md from real runs
	@UPDATE_README=1 $(BIN)/python -m pytest --quiet tests/test_readme.py

lock:  ## resolve requirements.lock from pyproject.toml; needs uv
	@.ci/lock

clean:  ## remove everything that was built
	@rm -rf .venv .venv-bench .usage-import build ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
