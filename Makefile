# The two that matter: `make run` and `make test`. Each makes the environment first.
# Windows without make: see README.md.

PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
STAMP := $(VENV)/.installed
# Some containers forbid bytecode; each of the thousand processes the tests start would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-windows test-filesystems test-browser test-orchestrators test-examples test-images lab notebooks lint bench soak clean constraints

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || test -x $(BIN)/python.exe || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ".[test]"
	touch $(STAMP)

run: $(STAMP) ## The six stages headless on the built-in practice hub, with a report
	$(BIN)/runbook run --practice
	@command -v runbook >/dev/null || echo "runbook is $(BIN)/runbook; to call it by its name: . $(BIN)/activate"

test: $(STAMP) lint ## All tests; the Windows, browser and file system lanes where their Debian packages are installed
	$(BIN)/python tools/lanes.py
	$(BIN)/python -m pytest tests -n 4 --dist loadgroup

test-fast: $(STAMP) ## The tests that only compute
	$(BIN)/python -m pytest tests/unit -n 2 --dist worksteal -q -m "not client and not slow"

test-windows: $(STAMP) ## The Windows lane alone: real Windows Python under Wine
	$(BIN)/python -m pytest tests/windows

test-filesystems: $(STAMP) ## The file system lane alone: whole runs on what this machine can mount; takes root
	$(BIN)/python -m pytest tests/filesystems -n 2 --dist loadgroup

test-browser: $(STAMP) ## The browser lane alone
	$(BIN)/python -m pytest tests/browser

test-orchestrators: $(STAMP) ## Real Airflow and Prefect read the schedules; installs them, which takes minutes
	ORCHESTRATORS=1 $(BIN)/python -m pytest tests/environments/test_orchestrators.py

test-examples: $(STAMP) ## The examples for fleets with their own tools: ansible-lint, ansible-playbook, Kubernetes' schemas
	EXAMPLES=1 $(BIN)/python -m pytest tests/environments/test_examples.py

test-images: $(STAMP) ## buildah builds the images of containers/ and runs them cut off; takes root, 30 GB and minutes
	IMAGES=1 $(BIN)/python -m pytest tests/containers -s

lab: $(STAMP) ## JupyterLab on copies of the notebooks, in workspace/
	$(BIN)/runbook lab

notebooks: $(STAMP) ## Run the notebooks on the practice hub and store their outputs
	$(BIN)/python tools/store_notebooks.py

lint: $(STAMP) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## Benchmarks against the bare tools
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.fleet_scale 1000 10000
	$(BIN)/python -m benchmarks.state_scale 10 100 1000
	$(BIN)/python -m benchmarks.fleet_models

constraints: $(STAMP) ## Write constraints.txt anew from the installed versions
	$(BIN)/python tools/write_constraints.py

soak: $(STAMP) ## 200 runs in a row and 200 by four processes at once: what grows; half an hour of CPU
	$(BIN)/python -m benchmarks.soak

clean: ## Remove the environment, runs and caches of the tools
	rm -rf $(VENV) runs workspace build dist test-artifacts *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
