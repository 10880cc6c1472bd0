# SPDX-License-Identifier: Apache-2.0
# make demo    installs, starts an exchange on the loopback, runs the example DAG through Airflow, compares the books
#              (ACCOUNT=unified: on a unified account)
# make test    installs, then every check: lint, format, types, layers, tests
# make test-distributed  installs Airflow with Celery into .venv-distributed, and Redis and PostgreSQL where we may;
#              tries the shared limit on them
# make test-browser  installs Playwright as well, and Chromium where we may; a browser adds a connection and looks at a run,
#              and takes the pictures of docs/assets (PICTURES=...: put them elsewhere; CHROMIUM=...: another browser)
# make matrix  installs nox into .venv-nox, and every Airflow from 2.11 to 3.3 into environments in .nox; runs the tests there
# make bench   installs ccxt as well, measures this provider beside it and the end of the day, writes docs/benchmarks*.md
# make docs    installs MkDocs as well, builds the site into site/; a broken link ends it
# Everything lives in .venv, .venv-distributed, .venv-nox and .nox. Python (3.11 or newer) and make are needed, nothing
# else but what a target names above. PYTHON=... chooses the interpreter.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
INSTALLED := $(VENV)/.installed
DISTRIBUTED := .venv-distributed
NOX_VENV := .venv-nox
NOX_INSTALLED := $(NOX_VENV)/.installed
DISTRIBUTED_INSTALLED := $(DISTRIBUTED)/.installed
BROWSER_INSTALLED := $(VENV)/.installed-browser
BENCH_INSTALLED := $(VENV)/.installed-bench
DOCS_INSTALLED := $(VENV)/.installed-docs
RELEASE_INSTALLED := $(VENV)/.installed-release

# The first Python that is new enough.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$python"; break; }; done)

# $(call make_environment,.venv)
define make_environment
@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer with venv found; name one with PYTHON=..." >&2; exit 1; }
@echo "Installing into $(1) with $(PYTHON) (about a minute the first time)"
@$(PYTHON) -m venv --clear $(1)
endef

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Nothing of the caller's own Python or Airflow reaches the targets.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV AIRFLOW_HOME

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

$(INSTALLED): pyproject.toml constraints.txt
	$(call make_environment,$(VENV))
	@# The build backend first: then it is the pinned one whatever the age of pip.
	@$(PIP) install --quiet -c constraints.txt hatchling editables
	@$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[sandbox,dev]'
	@touch $@

.PHONY: install
install: $(INSTALLED) ## make .venv with the pinned set and this package in it

.PHONY: demo
demo: $(INSTALLED) ## run the example DAG through Airflow against the sandbox, show the exchange's books (ACCOUNT=unified: a unified account)
	@$(BIN)/python -m airflow_provider_bitget.sandbox.demo $(if $(ACCOUNT),--account $(ACCOUNT)) $(DEMO_ARGS)

$(BENCH_INSTALLED): $(INSTALLED)
	@$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[sandbox,bench]'
	@touch $@

.PHONY: bench
bench: $(BENCH_INSTALLED) ## measure speed and truth beside ccxt, write docs/benchmarks.md (BENCH_ARGS=--quick: a minute, no file)
	@$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

$(DOCS_INSTALLED): $(INSTALLED)
	@$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[sandbox,docs]'
	@touch $@

.PHONY: docs
docs: $(DOCS_INSTALLED) ## build the site into site/, strictly: a broken link or anchor ends it
	@# Not --quiet: a warning that is not shown does not count, and strict would let it pass.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "site/index.html"

.PHONY: lint
lint: $(INSTALLED) ## ruff, format, types, layers
	@echo "ruff check";     $(BIN)/ruff check --quiet .
	@echo "ruff format";    $(BIN)/ruff format --check --quiet .
	@echo "mypy";           $(BIN)/mypy --no-error-summary
	@echo "import layers";  $(BIN)/lint-imports --no-logo

.PHONY: test
test: lint ## every check: lint, then the tests
	@echo "pytest";         $(BIN)/python -m pytest -q -n auto --dist worksteal $(PYTEST_ARGS)

$(DISTRIBUTED_INSTALLED): pyproject.toml constraints.txt constraints-distributed.txt
	$(call make_environment,$(DISTRIBUTED))
	@$(DISTRIBUTED)/bin/python -m pip install --quiet \
		-c constraints.txt -c constraints-distributed.txt hatchling editables
	@$(DISTRIBUTED)/bin/python -m pip install --quiet \
		-c constraints.txt -c constraints-distributed.txt --no-build-isolation \
		-e '.[sandbox,dev,redis]' $(DISTRIBUTED_NEEDS)
	@touch $@

# Celery's workers, and the two drivers with which Airflow reaches PostgreSQL.
DISTRIBUTED_NEEDS := apache-airflow-providers-celery psycopg2-binary asyncpg

.PHONY: services
services:
	@if command -v redis-server >/dev/null && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing redis-server and postgresql with apt-get"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server postgresql >/dev/null; \
	else \
		echo "make: install redis-server and postgresql first (on Debian: apt-get install redis-server postgresql)" >&2; \
		exit 1; \
	fi

.PHONY: test-distributed
test-distributed: services $(DISTRIBUTED_INSTALLED) ## many Celery workers, one limit: kills and hangs a Redis, kills a worker (5 minutes)
	@$(DISTRIBUTED)/bin/python -m pytest -q -s tests/distributed $(PYTEST_ARGS)

$(BROWSER_INSTALLED): $(INSTALLED)
	@$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[sandbox,browser]'
	@touch $@

.PHONY: chromium
chromium:
	@if command -v "$${CHROMIUM:-chromium}" >/dev/null; then exit 0; fi; \
	if [ -z "$$CHROMIUM" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing chromium with apt-get"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
		echo "make: install chromium first (on Debian: apt-get install chromium), or name one with CHROMIUM=..." >&2; \
		exit 1; \
	fi

.PHONY: test-browser
test-browser: chromium $(BROWSER_INSTALLED) ## the form, its Test button, a run and its report in a real browser; takes the pictures of docs/assets (3 minutes)
	@$(BIN)/python -m pytest -q tests/browser $(PYTEST_ARGS)

$(NOX_INSTALLED): Makefile
	$(call make_environment,$(NOX_VENV))
	@$(NOX_VENV)/bin/python -m pip install --quiet $(NOX_NEEDS)
	@touch $@

# Here and not in pyproject.toml: it makes the environments of the matrix, and nothing of ours runs beside it.
NOX_NEEDS := nox==2026.10.20 uv==0.13.9

.PHONY: matrix
matrix: $(NOX_INSTALLED) ## the tests beside every Airflow on every Python that there is, write the table in docs/versions.md (an hour)
	@rm -rf .nox/results .nox-report.json
	@$(NOX_VENV)/bin/python -m nox --no-error-on-missing-interpreters --report .nox-report.json $(NOX_ARGS) || true
	@$(NOX_VENV)/bin/python -m tests.matrix.table .nox-report.json .nox/results

# With the report that the table is made from: that nox can write it shows here, and not after an hour.
.PHONY: matrix-corners
matrix-corners: $(NOX_INSTALLED) ## the same for Airflow 2.11 and 3.0 on Python 3.11 and 3.3 on 3.13, without the table (15 minutes)
	@$(NOX_VENV)/bin/python -m nox --tags corners --error-on-missing-interpreters --report .nox-report.json $(NOX_ARGS)

.PHONY: matrix-cell
matrix-cell: $(NOX_INSTALLED) ## the same for one of them: CELL=airflow-3.0.6-python-3.11
	@$(NOX_VENV)/bin/python -m nox --session "airflow($(CELL))" --error-on-missing-interpreters $(NOX_ARGS)

.PHONY: pages
pages: $(INSTALLED) ## write the pages of docs/ that come from the code
	@$(BIN)/python -m tests.pages

.PHONY: format
format: $(INSTALLED) ## let ruff write
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

.PHONY: dist
dist: $(INSTALLED) ## wheel and sdist into dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build

$(RELEASE_INSTALLED): $(INSTALLED)
	@$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[sandbox,release]'
	@touch $@

.PHONY: release-check
release-check: $(RELEASE_INSTALLED) dist ## build wheel and sdist; check metadata, README, contents, version and workflows
	@$(BIN)/python -m twine check --strict dist/*
	@$(BIN)/python -m pytest -q tests/unit/test_project.py tests/unit/test_release.py

.PHONY: test-wheel
test-wheel: dist ## install the wheel into empty environments with Airflow 3.3 and 2.11 and import the DAG there (slow)
	@$(PYTHON) tests/wheel_in_empty_environment.py dist/*.whl

.PHONY: constraints
constraints: ## resolve the newest set for the pinned Airflow anew and write the constraints
	$(call make_environment,.venv-constraints)
	@.venv-constraints/bin/python -m pip install --quiet \
		"$$(grep '^apache-airflow==' constraints.txt)" hatchling editables '.[sandbox,dev,bench,browser,docs,release]'
	@sed '/^[^#]/,$$d' constraints.txt > .venv-constraints/constraints.txt
	@.venv-constraints/bin/python -m pip freeze --exclude airflow-provider-bitget >> .venv-constraints/constraints.txt
	@sed -n '/^# Only on/,$$p' constraints.txt >> .venv-constraints/constraints.txt
	@mv .venv-constraints/constraints.txt constraints.txt
	@.venv-constraints/bin/python -m pip install --quiet -c constraints.txt $(DISTRIBUTED_NEEDS)
	@sed -n '/^#/p' constraints-distributed.txt > .venv-constraints/constraints.txt
	@.venv-constraints/bin/python -m pip freeze --exclude airflow-provider-bitget | grep -vxFf constraints.txt \
		>> .venv-constraints/constraints.txt
	@mv .venv-constraints/constraints.txt constraints-distributed.txt
	@rm -rf .venv-constraints

.PHONY: clean
clean: ## remove everything that make made
	rm -rf .venv .venv-constraints .venv-distributed .venv-nox .nox .nox-report.json dist build site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis flatten-report
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
