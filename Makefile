# Two commands for a newcomer: `make demo` and `make test`. The others are for those who work on the code.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
HOST ?= 127.0.0.1
PORT ?= 1416

.PHONY: demo test check format clean

demo: $(VENV)/.demo
	$(VENV)/bin/ltrr demo --host $(HOST) --port $(PORT)

test: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) .ltrr .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, found " + sys.version.split()[0] + "; name another with: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing ltrr-haystack and what the demo needs, with PyTorch about 1.6 GB; this takes some minutes ..."
	$(PIP) --editable '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing ltrr-haystack with all extras and what its tests need; this takes some minutes ..."
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.demo
