# Start with `make quickstart` and `make test`. Both install vadkit into .venv first.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PAGES := $(wildcard docs/*.md docs/*/*.md docs/*/*/*.md)

.PHONY: quickstart test lint types unit docs format mutants clean
.DEFAULT_GOAL := help

help:
	@echo "make quickstart   install into .venv and run the complete pipeline on the built-in scene"
	@echo "make test         install into .venv and run all checks of CI"
	@echo "make format       apply ruff's formatting and fixes, update the generated parts of the docs"
	@echo "make mutants      put a few faults into the arithmetic, and see whether the tests notice them"
	@echo "make docs         build the documentation into docs/_build/html"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: vadkit needs Python 3.11 or newer. Choose one with make PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --group docs --editable .
	touch $(INSTALLED)

quickstart: $(INSTALLED)
	$(BIN)/vadkit run quickstart --overwrite

test: $(INSTALLED)
	$(MAKE) --jobs=2 --output-sync=target lint types docs
	$(MAKE) unit

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python docs/prose.py

types: $(INSTALLED)
	$(BIN)/pyright

unit: $(INSTALLED)
	$(BIN)/pytest

docs: $(INSTALLED)
	$(BIN)/cog --check $(PAGES)
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/cog -r $(PAGES)
	$(BIN)/python docs/house.py

mutants: $(INSTALLED)
	$(BIN)/python benchmarks/mutants.py --each 3 --least 80

clean:
	rm -rf .venv docs/_build .pytest_cache .ruff_cache .import_linter_cache
