# Every task of the house: `make up` runs Guildbank, `make test` proves it, `make help` lists all.
#
# Recipes name only paths relative to this file, so that a checkout may live in any folder, also in
# one with spaces in its name.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
CODE := src plugins examples tests $(if $(wildcard bench/*.py),bench)
# The whole run is shared out by files among a few processes; a few tests need no others.
WORKERS := -n auto --dist loadfile --no-loadscope-reorder
EXPORT := --no-emit-workspace --no-header --no-annotate --format requirements-txt

export PYTHON

# Where the environment forbids compiled files beside the sources, they are kept in build/: without
# any, each of the many processes that tests start compiles all that it imports, for seconds.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/bytecode
endif

.PHONY: help bootstrap up test servers lint fmt bench lock clean

help: ## list these tasks
	@sed -n 's/^\([a-z][a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F '|' '{ printf "%-20s %s\n", $$1, $$2 }'

bootstrap: ## make .venv exactly what requirements.lock says
	@scripts/bootstrap

up: bootstrap ## start Guildbank with its database; ARGS="--port 8090 --data DIR"
	@exec .venv/bin/guildbank up $(ARGS)

test: lint servers ## all checks and all tests; TESTS="tests/ledger -k lots" for some
	$(PY) -m pytest $(or $(TESTS),$(WORKERS))

servers: ## install the servers of the tests that come from npm, where there is Node 20
	@scripts/test-servers

lint: bootstrap ## style, types and the import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(CODE)
	.venv/bin/lint-imports

fmt: bootstrap ## rewrite the code in the house format
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .

bench: bootstrap ## print ratios against a ceiling and a peer, and write build/bench.json
	@mkdir -p build
	$(PY) -m bench $(ARGS)

lock: bootstrap ## write requirements.lock from the pyproject files; ARGS=--upgrade for new versions
	@mkdir -p build
	.venv/bin/uv lock $(ARGS)
	.venv/bin/uv export --quiet --frozen $(EXPORT) > build/requirements.lock
	mv build/requirements.lock requirements.lock
	@scripts/bootstrap

clean: ## remove what the tasks made, but never a data folder
	rm -rf build dist .venv uv.lock tests/servers/*/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
