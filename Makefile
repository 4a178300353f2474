# Every target sets up .venv by itself first; ARGS= is handed to the program.

PYTHON_IN_VENV := .venv/bin/python
unexport PYTHONPATH PYTHONHOME
ifdef PYTHON
export PYTHON
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-drivers test-large test-kubernetes bench lint format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Create .venv with everything; the other targets do it when needed
	@scripts/setup

demo: setup  ## A database, the gateway and an agent that tries things (ARGS=--once ends by itself)
	@$(PYTHON_IN_VENV) -m demo $(ARGS)

test: setup  ## The test suite, against real servers (ARGS="tests/engine -k reload")
	$(PYTHON_IN_VENV) -m pytest -n auto --maxprocesses 8 --dist worksteal $(ARGS)

test-drivers: setup  ## Drivers' own test suites, directly and through the gateway (ARGS=pg8000)
	$(PYTHON_IN_VENV) -m tests.drivers $(ARGS)

test-large: setup  ## A gigabyte through scp, by both protocols
	HOOPADDON_SCP_MEGABYTES=1024 $(PYTHON_IN_VENV) -m pytest tests/adapters/ssh/clients/test_programs.py -k big_file $(ARGS)

test-kubernetes: setup  ## The Kubernetes tests against a cluster of yours (KUBECONFIG=...), in namespaces of their own
	KUBECONFIG_OF_TESTS="$(KUBECONFIG)" $(PYTHON_IN_VENV) -m pytest tests/kubernetes $(ARGS)

bench: setup  ## Throughput, latency and memory as a table of ratios (ARGS=--quick)
	$(PYTHON_IN_VENV) -m benchmarks.bench $(ARGS)

lint: setup  ## ruff and mypy --strict, on everything
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m mypy
	$(PYTHON_IN_VENV) -m mypy tests examples demo benchmarks

format: setup  ## Let ruff format and repair what it can
	$(PYTHON_IN_VENV) -m ruff check --fix .
	$(PYTHON_IN_VENV) -m ruff format .

clean:  ## Remove .venv and everything that was built
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
