# Everything runs from here; python3 and make are all that has to be installed beforehand.
# `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

DEMO_COMMAND := $(BIN)/router allocate examples/questions.txt --budget usd=0.05 --out plan.json
ROUTER_DATA ?= ../shared/data
# The evidence logs measure the recall of passages, not the quality of answers: an option that reads
# nothing has quality 0 there, which would teach that no model answers anything without a search.
DEFAULT_LOGS = $(filter-out %/evidence_search_hotpotqa.parquet \
	%/evidence_search_2wikimultihopqa.parquet, $(sort $(wildcard $(ROUTER_DATA)/outcomes/*.parquet)))
TRAIN_DEFAULT_COMMAND = $(BIN)/router train $(DEFAULT_LOGS) --pooled \
	--menu router/models/default_menu.toml --prices router/models/default_prices.toml \
	--out router/models/default
BENCH_FLAGS ?=
# Rigs that run at length; ROUTER_SOAK=0.01 makes them a hundredth as long.
SOAK_RIGS ?= power_cut io_faults kills server_kills fuzz slow_clients stall overload twins dead_agents backup_drill ledger_machine
SOAK_FLAGS ?=

# One environment for all sets. The name of its first stamp says where it is, for which Python and
# for which pins, so that a new lock, an older checkout or a moved directory starts afresh, and an
# untouched one costs nothing.
STAMPS := $(VENV)/stamps
PINS := requirements/demo.txt requirements/dev.txt requirements/lock.txt
PLACE := $(shell { pwd; $(PYTHON) --version; cat $(PINS); } 2>&1 | cksum | cut -d ' ' -f 1)
CREATED := $(STAMPS)/created-$(PLACE)
DEMO_SET := $(STAMPS)/demo
DEV_SET := $(STAMPS)/dev
LOCK_SET := $(STAMPS)/lock
PROJECT := $(STAMPS)/project

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
INSTALL_SET := $(PIP) install --require-hashes --only-binary :all: --requirement
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--only-binary :all: --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock' --output-file

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The sets share one environment: two pips at once would break it.
.NOTPARALLEL:
.PHONY: help demo test check bench soak train-default lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1|\2/p' $(MAKEFILE_LIST) \
		| while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

demo: $(DEMO_SET) $(PROJECT) ## install what the example needs and plan for examples/questions.txt
	@echo '$(DEMO_COMMAND)'
	@$(DEMO_COMMAND)

test: $(DEV_SET) $(PROJECT) ## run all tests; an unlisted skip is a failure (tests/skips.txt)
	@$(BIN)/python -m pytest

check: $(DEV_SET) $(PROJECT) ## lint, types, floors of the architecture, docstrings, house rules
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(STAMPS)/floors.log || { cat $(STAMPS)/floors.log; exit 1; }
	@find router -name '*.py' -exec $(BIN)/numpydoc lint {} +
	@$(BIN)/python -m pytest --quiet --no-header tests/test_tidy.py tests/test_tidy_files.py

bench: $(DEV_SET) $(PROJECT) ## measure every claim; BENCH_FLAGS=--quick takes about a minute each
	@failed=0; \
	for script in benchmarks/[a-z]*.py; do \
		echo "== $$script"; \
		$(BIN)/python "$$script" $(BENCH_FLAGS) || failed=1; \
	done; \
	exit $$failed

soak: $(DEV_SET) $(PROJECT) ## run the rigs of tests/rigs at full length, which takes hours
	@failed=0; \
	for rig in $(SOAK_RIGS); do \
		echo "== $$rig"; \
		$(BIN)/python -m tests.rigs.$$rig $(SOAK_FLAGS) || failed=1; \
	done; \
	exit $$failed

train-default: $(DEMO_SET) $(PROJECT) ## train the bundle that ships with the package
	@echo '$(TRAIN_DEFAULT_COMMAND)'
	@$(TRAIN_DEFAULT_COMMAND)

lock: $(LOCK_SET) ## compile requirements/*.txt anew from pyproject.toml
	@echo uv==0.13.9 | $(COMPILE) requirements/lock.txt -
	@$(COMPILE) requirements/dev.txt --extra dev pyproject.toml
	@$(COMPILE) requirements/demo.txt --extra cli --extra train --group build \
		--constraint requirements/dev.txt pyproject.toml
	@$(COMPILE) requirements/service.txt --extra cli --extra service --extra traces --group build \
		--constraint requirements/dev.txt pyproject.toml

clean: ## remove the environment and everything that tools have cached
	@rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'creating $(VENV)'
	@$(PYTHON) -m venv --clear $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

$(DEMO_SET) $(DEV_SET) $(LOCK_SET): $(STAMPS)/%: $(CREATED)
	@echo 'installing requirements/$*.txt'
	@$(INSTALL_SET) requirements/$*.txt
	@touch $@

# The build backend comes with either set; the targets above name the set they need before this.
$(PROJECT): pyproject.toml $(CREATED)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
