# Everything bootstraps itself from Python 3.11+, make and git: uv comes into .venv/ and installs what uv.lock names.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
DAYS ?= 365
BIN := $(VENV)/bin
UV := $(BIN)/uv
SYNC := $(UV) sync --frozen --inexact --quiet
LAYERS := cli flows tasks expectations shelfgate sandbox lambda tests
# An empty VENV would make /bin the environment's folder.
$(foreach name,PYTHON VENV DAYS,$(if $(strip $($(name))),,$(error $(name) is empty: set it, or leave it out)))
# uv looks for the project's environment there, whatever environment the caller has activated
export UV_PROJECT_ENVIRONMENT := $(VENV)
unexport VIRTUAL_ENV
# Where it is set, each process compiles anew whatever it imports: 20 s for a Prefect server.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-contract test-integration test-e2e check fix proofs faults bench soak lambda-zip clean

help: ## What there is
	@grep -E '^[a-z][a-z0-9 -]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/; s/^test-unit .*\t/test-TIER\t/' | expand -t 12

demo: $(VENV)/.demo ## One whole day on this machine: sandbox, seed, refresh, what was published
	$(BIN)/shelfgate demo

test: $(VENV)/.dev ## All tests
	$(BIN)/python -m pytest

test-unit test-contract test-integration test-e2e: test-%: $(VENV)/.dev ## The tests of one folder: tests/unit, contract, integration or e2e
	$(BIN)/python -m pytest tests/$*

check: $(VENV)/.dev ## Look only: lock, format, lint, types, import layers, SQL, contracts
	$(UV) lock --check
	$(BIN)/ruff format --check $(LAYERS)
	$(BIN)/ruff check $(LAYERS)
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 2 dbt shelfgate/warehouse/sql shelfgate/warehouse/migrations
	$(BIN)/shelfgate contracts check

fix: $(VENV)/.dev ## Format, mend what can be mended, compile the contracts
	$(BIN)/ruff format $(LAYERS)
	$(BIN)/ruff check --fix $(LAYERS)
	$(BIN)/shelfgate contracts compile

proofs: $(VENV)/.dev ## The tests that take minutes: every crash point, real kills, injected faults, clean history
	$(BIN)/python -m pytest -m proofs

faults: $(VENV)/.dev ## Inject every fault of the catalogue and show which gate stops it
	$(BIN)/python -m tests.faults

bench: $(VENV)/.dev ## Our way and the bare way, side by side: ratios
	$(BIN)/python -m tests.bench

soak: $(VENV)/.dev ## Simulated daily runs with a random fault every fifth day: make soak DAYS=365
	$(BIN)/python -m tests.soak --days $(DAYS)

lambda-zip: $(VENV)/.dev ## Pack the inventory loader for AWS Lambda, arm64: dist/inventory-loader.zip
	$(BIN)/python lambda/build_zip.py --uv $(UV)

clean: ## Remove the data of the demo's sandbox, build outputs and the environment
	[ ! -x $(BIN)/shelfgate ] || SHELFGATE_HOME=.shelfgate $(BIN)/shelfgate sandbox reset --yes
	rm -rf -- dbt/target dbt/logs
	[ ! -f "$(VENV)/pyvenv.cfg" ] || rm -rf -- "$(VENV)"

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.demo: $(UV) pyproject.toml uv.lock
	$(SYNC) --no-dev --extra duckdb --extra sandbox
	@touch $@

$(VENV)/.dev: $(UV) pyproject.toml uv.lock sandbox/snowflake/uv.lock
	$(SYNC) --all-extras --group dev
	@# The Snowflake emulator's pins conflict with ours: it has an environment of its own, .venv/snowflake-emulator
	$(BIN)/python -c 'from sandbox.snowflake.emulator_process import environment; environment()'
	@touch $@ $(VENV)/.demo
