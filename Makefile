# Two targets do everything: `make up` runs Taskcast, `make test` proves it. PYTHON= chooses another Python (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: up test check bench chaos soak format lock clean
.DEFAULT_GOAL := up

up: $(READY)
	@exec $(BIN)/taskcast up

test: $(READY)
	@$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	@$(BIN)/python -m tests.chromium
	$(BIN)/python -m benchmarks

SEEDS ?= 20
JOBS ?= 1000
FIRST ?= 1
chaos: $(READY)
	$(BIN)/python -m tests.scenarios.chaos --seeds $(SEEDS) --jobs $(JOBS) --first $(FIRST)

SOAK_JOBS ?= 200000
soak: $(READY)
	$(BIN)/python -m benchmarks.soak --jobs $(SOAK_JOBS)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra server --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements.lock

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache dist build

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Taskcast needs Python 3.11 or newer; choose one with: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || { echo "Making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@echo "Installing what requirements.lock names (once)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
