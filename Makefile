# make demo   a guided run on this machine: no account, no key, nothing leaves it
# make test   all tests, four at a time; one after the other: make test ARGS=-n0
# make check  what has to pass before a commit: format, lint, types, layers, tests
# make bench  how long commands take, and campaigns against the libraries of their vendors
# make docs   rewrites what is generated: README tables, config.example.toml, completions/
#
# Each makes the virtual environment .venv when it is missing or pyproject.toml has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVER := $(VENV)/.server-installed
DEV := $(VENV)/.dev-installed
BENCH := $(VENV)/.bench-installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
unexport PYTHONDONTWRITEBYTECODE  # without compiled modules every start is slow
unexport PYTHONPATH PYTHONHOME

.PHONY: demo test lint check bench docs clean
.NOTPARALLEL:
.DEFAULT_GOAL := check

demo: $(SERVER)
	@$(BIN)/mktool demo

test: $(DEV)
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

lint: $(DEV)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

check: lint test

bench: $(BENCH)
	@$(BIN)/python -m compileall -q mktool $(VENV)/lib
	@$(BIN)/python -m tests.bench $(ARGS)

docs: $(DEV)
	@$(BIN)/python -m tests.docs

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(SERVER): pyproject.toml | $(BIN)/pip
	@echo "installing mktool into $(VENV)" >&2
	@$(BIN)/pip install --quiet --editable '.[server]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/pip
	@echo "installing mktool and its development tools into $(VENV)" >&2
	@$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $(SERVER) $@

$(BENCH): $(DEV)
	@echo "installing the libraries that it is measured against into $(VENV)" >&2
	@$(BIN)/pip install --quiet --editable '.[bench]'
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "mktool needs Python 3.11 or later: apt-get install python3, or make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "Python has no venv here: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@# The start script that an old pip writes imports re: a third of the time of --version.
	@$(BIN)/python -m pip install --quiet --upgrade pip
