# `make help` lists the targets. `make lint types test` is what the continuous integration runs.

PYTHON ?= python3.11
VENV   ?= .venv
ARGS   ?=

BIN     := $(VENV)/bin
FOLDERS := envs agents baselines leaderboard src
STAMP   := $(VENV)/.installed
LISTING := $(VENV)/.listing

# The suite is many small tensors: one thread each, one process per core.
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow clients docs lint types format clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(LISTING) ## create .venv with everything in it (PYTHON= picks the interpreter)

demo: $(LISTING) ## train, evaluate and rank a first policy, and write the leaderboard page
	$(BIN)/scenarium train InventoryNet-v0 hdpo --seeds 0 1 2 3 4 --steps 3000000 --jobs 2 --out runs/demo/hdpo
	$(BIN)/scenarium submit runs/demo/hdpo --title "HDPO, multilayer perceptron" --author Scenarium
	$(BIN)/scenarium submit echelon_base_stock --title "echelon base-stock, tuned" --author Scenarium
	$(BIN)/scenarium submit base_stock --title "base-stock" --author Scenarium
	$(BIN)/scenarium submit random --author Scenarium
	$(BIN)/scenarium leaderboard

test: $(LISTING) ## run the tests, except the slow ones (ARGS= is passed on to pytest)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

test-slow: $(LISTING) ## run the slow tests
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow $(ARGS)

clients: ## run the examples for other libraries in an environment of their own, .venv-clients
	test -x .venv-clients/bin/python || $(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install -q -c constraints-clients.txt 'setuptools>=77'
	.venv-clients/bin/python -m pip install -q -c constraints-clients.txt --no-build-isolation . \
	    sb3-contrib rl_zoo3 supersuit torchrl skrl tianshou 'minari[create]' pytest hypothesis
	.venv-clients/bin/python -m pytest -q tests/docs/test_tutorials.py $(ARGS)

docs: $(LISTING) ## build the documentation site in build/site
	$(BIN)/mkdocs build --strict --quiet

lint: $(LISTING) ## check style, imports and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(LISTING) ## check the types, strictly
	$(BIN)/mypy -p scenarium

format: $(LISTING) ## put the source in its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove builds and caches; keeps .venv and runs/
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(wildcard $(FOLDERS)) tests -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f $(LISTING)

$(STAMP): pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt setuptools
	$(BIN)/python -m pip install -q --no-build-isolation -c constraints.txt -e '.[dev]'
	rm -f $(LISTING)
	touch $@

# The editable install is a tree of links, one per file, so it is renewed whenever a file appears or goes.
$(LISTING): $(STAMP) FORCE
	@find $(FOLDERS) -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*' ! -name '.*' | LC_ALL=C sort > $@.new
	@if cmp -s $@ $@.new; then rm $@.new; else \
	    echo "renewing the editable install" && \
	    $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e . && mv $@.new $@; fi

FORCE:
