# Everything a newcomer needs: `make quickstart` and `make test`. Each installs first if need be.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: quickstart test lint types unit docs format clean
.DEFAULT_GOAL := help

help:
	@echo "make quickstart   install into .venv and run the whole pipeline on the built-in scene"
	@echo "make test         install into .venv and run every check that CI runs"
	@echo "make format       let ruff format and fix what it can"
	@echo "make docs         build the documentation into docs/_build/html"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: vadkit needs Python 3.11 or newer; say which with make PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --group docs --editable .
	touch $(INSTALLED)

quickstart: $(INSTALLED)
	$(BIN)/vadkit run recipes/quickstart.yaml --overwrite

test: lint types unit docs

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
	$(BIN)/cog --check docs/*.md docs/kinds/*.md
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/cog -r docs/*.md docs/kinds/*.md

clean:
	rm -rf .venv docs/_build .pytest_cache .ruff_cache .import_linter_cache
