# Needs Python 3.11+ and make. Everything else is fetched as locked packages into .venv and .cache.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
export PORT
# Many tests wait for real servers: two files at a time take two thirds of the time of one.
JOBS ?= 2

.DEFAULT_GOAL := help

.PHONY: help
help: ## show what can be done
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/run.done assets ## run everything in one process on http://127.0.0.1:$PORT (default 8000)
	@exec $(BIN)/dure serve

.PHONY: stack
stack: $(VENV)/stack.done assets ## run the distributed system on real Kafka, PostgreSQL and Redis, without Docker
	@exec $(BIN)/python -m deploy.local.stack

.PHONY: test
test: $(VENV)/dev.done assets ## every test; parts that cannot be provisioned are skipped, or fail with CI=true
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile $(ARGS)

.PHONY: simulate
simulate: $(VENV)/dev.done ## try to break it: SEED=1 STEPS=400 SEEDS=20, PLANT=list names mistakes it must find, STORY=1 tells all
	@exec $(BIN)/python -m tests.simulation

.PHONY: bench
bench: $(VENV)/dev.done ## measure: ONLY=a,c picks parts, REPEATS=5 how often, SIZE=1000000 the largest ledger
	@$(BIN)/python -m tests.bench

.PHONY: chaos
chaos: $(VENV)/dev.done assets ## break the real stack FAULTS=100 times under load, in the order of SEED=1, and compare what is left
	@exec $(BIN)/python -m tests.chaos

.PHONY: lint
lint: $(VENV)/dev.done ## formatting, lint, types and the walls between the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(VENV)/dev.done ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: $(VENV)/dev.done ## write the generated parts of docs/ anew
	$(BIN)/python -m deploy.docs

.PHONY: migration
migration: $(VENV)/dev.done ## write a migration: make migration SERVICE=inventory MESSAGE="lots have a colour"
	$(BIN)/python -m deploy.migration $(SERVICE) "$(MESSAGE)"

.PHONY: lock
lock: $(VENV)/dev.done ## pin every requirement anew
	sh requirements/lock.sh $(BIN)

.PHONY: clean
clean: ## remove what was fetched and generated, and the demo's data
	rm -rf $(VENV) .cache var

.PHONY: assets
assets: $(VENV)/run.done
	@$(BIN)/python -m deploy.assets

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.done: requirements/base.txt pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/stack.done: requirements/stack.txt $(VENV)/run.done
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/stack.txt
	@touch $@

$(VENV)/dev.done: requirements/dev.txt $(VENV)/run.done
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
