# Targets a newcomer needs: setup, demo, ui, test, check. Everything is installed into .venv and nowhere else.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: setup demo real live ui test test-all bench check fix clean docs
.DEFAULT_GOAL := help

help:
	@echo "make demo    the sample study from Wikidata items to a leaderboard"
	@echo "make real DATA=FOLDER                photographs in folders and a Wikidata dump, the same way (docs/real.md)"
	@echo "make live CONTACT=you@example.org    twenty entities from Wikidata and Commons; needs a network"
	@echo "make ui      the Dagster UI on it"
	@echo "make test    the tests;  make test-all  the long ones, too;  make check  lint, types, imports, definitions"

setup: $(READY)

# One pip command, so that the cap on torch holds for everything that asks for it.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 15) else "Python 3.11 to 3.14 is needed, found %d.%d: call make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Setting up $(VENV) (once, a few minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train,dev]' 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c 'import dagster, duckdb, torch' && touch $(READY)

demo: $(READY)
	@$(BIN)/entitynet run --study sample

real: $(READY)
	@ENTITYNET_DATA="$(if $(DATA),$(abspath $(DATA)),$(ENTITYNET_DATA))" $(BIN)/entitynet run --study photos

live: $(READY)
	@ENTITYNET_CONTACT="$(or $(CONTACT),$(ENTITYNET_CONTACT))" $(BIN)/entitynet run --study live

ui: $(READY)
	@$(BIN)/entitynet ui --study sample

test: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist load --maxschedchunk 1

# Everything, the tests marked `long` included: those that take minutes each.
test-all: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist load --maxschedchunk 1 -m ""

# Ours against a peer on the same input, `make bench NAME=closure`; peers live in .bench/<peer>/. docs/benchmarks.md has the ratios.
bench: $(READY)
	@test -f "tests/bench/$(NAME).py" || { echo "bench NAME=$(NAME): no tests/bench/$(NAME).py; see docs/benchmarks.md for the names"; exit 2; }
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.$(NAME)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache
	$(BIN)/dg check defs
	$(BIN)/python -m tests.house.budgets

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .entitynet build dist *.egg-info
