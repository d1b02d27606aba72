# Everything that is done with a checkout. Needs Python 3.11 or newer, git, make and a C toolchain; Go comes from PyPI.
# Nothing is written outside of the checkout but caches: pip's, Go's, and ~/.cache/pequod-fleet (FLEET_CACHE_DIR).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
INSTALLED := $(VENV)/.installed
HELPER := fleet/cue/_bin/fleet-cue

# What the CUE helper is built from. The differential test beside it is a module of its own.
ENGINE := fleet/cue/engine
HELPER_SOURCES := $(shell find $(ENGINE) -path $(ENGINE)/difftest -prune -o -type f -not -name '*_test.go' -print)

# The Go that pip installed, set up as hatch_build.py does it, so that what one compiles the other finds in Go's cache.
GO := GOTOOLCHAIN=local GOWORK=off GOFLAGS='-buildvcs=false -trimpath' CGO_ENABLED=0 $(abspath $(BIN))/go
GOFMT := "$$($(GO) env GOROOT)/bin/gofmt"
# Tests mostly wait. Each process has control planes of its own, about 1 GiB, so a large machine gets no more than four.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile

GO_MODULES := $(patsubst %/go.mod,%,$(shell find $(ENGINE) -name go.mod | sort))

.PHONY: help
help: ## list what there is
	@echo 'Usage: make TARGET [ARGS="…"]'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)$$/  \1\t\2/' | expand -t 18

# --- using it ---------------------------------------------------------------------------------------------------

.PHONY: demo
demo: setup ## set everything up and show the main job on three local clusters (ARGS=--keep leaves them running)
	@$(BIN)/fleet demo $(ARGS)

.PHONY: setup
setup: $(INSTALLED) $(HELPER) ## make .venv, install the package and build the CUE helper

.PHONY: control-planes
control-planes: setup ## build the local control planes into the cache (about 7 minutes, once)
	@$(BIN)/fleet local build

.PHONY: build
build: setup ## build the wheel into dist/
	@$(PY) -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls -1t dist/*.whl | head -1

# --- changing it ------------------------------------------------------------------------------------------------

.PHONY: test
test: test-go test-python ## run every test, those on real control planes and PostgreSQL included (none may be skipped)

.PHONY: test-python
test-python: setup ## all of it but the Go tests (ARGS are pytest's)
	@$(PY) -m pytest -p tests.plugins.no_skips --no-skips $(SIDE_BY_SIDE) $(ARGS)

.PHONY: test-unit
test-unit: setup ## run the tests that need nothing but Python
	@$(PY) -m pytest tests/unit $(ARGS)

.PHONY: test-go
test-go: setup ## run the tests of the CUE engine
	@result=0; for module in $(GO_MODULES); do \
		echo "go test $$module"; (cd $$module && $(GO) test ./...) || result=1; \
	done; exit $$result

.PHONY: fuzz-schema
fuzz-schema: setup ## compare CUE and the API server for longer (DIFFTEST_N, DIFFTEST_SEED, DIFFTEST_INVENTED)
	@cd $(ENGINE)/difftest && DIFFTEST_N=$${DIFFTEST_N:-3000} DIFFTEST_SEED=$${DIFFTEST_SEED:-$$RANDOM} \
		DIFFTEST_INVENTED=$${DIFFTEST_INVENTED:-5000} $(GO) test -count=1 -timeout 4h . $(ARGS)

.PHONY: chaos
chaos: setup ## let a hub live through random programs for longer (CHAOS_N, CHAOS_SEED)
	@CHAOS_N=$${CHAOS_N:-50} CHAOS_SEED=$${CHAOS_SEED:-$$RANDOM} $(PY) -m pytest tests/acceptance/test_chaos.py $(ARGS)

.PHONY: check
check: lint types layers vet ## what a commit must pass, before make test: lint, formats, strict types, import layers

.PHONY: lint
lint: setup ## ruff's rules and format
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check --diff .

.PHONY: types
types: setup ## mypy, strict
	@$(PY) -m mypy

.PHONY: layers
layers: setup ## which room may import which
	@$(BIN)/lint-imports --no-logo

.PHONY: vet
vet: setup ## go vet and gofmt
	@unformatted=$$($(GOFMT) -l $(ENGINE)); test -z "$$unformatted" || { echo "make fmt formats: $$unformatted"; exit 1; }
	@for module in $(GO_MODULES); do (cd $$module && $(GO) vet ./...); done

.PHONY: fmt
fmt: setup ## format the sources, and fix what ruff can fix
	@$(PY) -m ruff check --quiet --fix . || true
	@$(PY) -m ruff format .
	@$(GOFMT) -w $(ENGINE)

.PHONY: bench
bench: setup ## run the benchmarks; each prints a ratio to a baseline of the same run
	@for script in benchmarks/[a-z]*.py; do name=$$(basename $$script .py); echo "$$name"; $(PY) -m benchmarks.$$name $(ARGS); done

.PHONY: clean
clean: ## remove what was built in the checkout (the caches outside of it stay)
	rm -rf $(VENV) dist build fleet/cue/_bin .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find fleet tests benchmarks migrations -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how it is set up -------------------------------------------------------------------------------------------

define PYTHON_CHECK
import sys
if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed, and %s is %s. Name another one: make PYTHON=python3.12 ..."
             % (sys.executable, sys.version.split()[0]))
try:
    import ensurepip, venv
except ImportError:
    sys.exit("%s cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" % sys.executable)
endef
export PYTHON_CHECK

# A new version of what is installed, or of how it is built, installs again; changed Python sources need nothing,
# since the installation is editable, and changed Go sources only the helper.
$(INSTALLED): pyproject.toml hatch_build.py
	@$(PYTHON) -c "$$PYTHON_CHECK"
	@if ! $(PY) -m pip --version > /dev/null 2>&1; then \
		echo "making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear $(VENV); \
	fi
	@echo 'installing pequod-fleet and its libraries, building the CUE helper (about 2 minutes with empty caches)'
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(HELPER)

$(HELPER): $(HELPER_SOURCES) | $(INSTALLED)
	@echo 'building the CUE helper'
	@$(PY) hatch_build.py > /dev/null
	@touch $@
