# One command to start, one to check. See README.md.
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
WORKERS ?= 3
# So many tests are played at once, also where there are but two processors: most of them wait. Those
# with phones are played when those that compute are over, for phones must not be kept waiting; and
# by themselves those that judge how quickly something is answered or need all there is.
TOGETHER := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Every process of ours imports a thousand modules: compiled ones are kept, whatever the surroundings
# say, or each start would take twice as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint soak sabotage bench clean peers
.DEFAULT_GOAL := demo

$(VENV)/bin/python:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: apt install python3 python3-venv" >&2; exit 2; }
	@$(PY) -m venv $(VENV) || { echo "The venv module is missing: apt install python3-venv" >&2; exit 2; }

$(STAMP): pyproject.toml | $(VENV)/bin/python
	@echo "Installing the server's packages into $(VENV) (half a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e .
	@touch $@

$(TEST_STAMP): pyproject.toml $(STAMP)
	@echo "Installing the test tools"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e '.[test,postgres]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/callcenter demo

peers:
	@sh tests/peers.sh

lint: $(TEST_STAMP)
	$(BIN)/ruff check callcenter tests
	$(BIN)/lint-imports
	$(BIN)/mypy

test: $(TEST_STAMP) peers lint
	$(BIN)/python -m pytest $(TOGETHER) --ignore tests/e2e --ignore tests/package
	$(BIN)/python -m pytest $(TOGETHER) -m "not alone" tests/e2e tests/package
	$(BIN)/python -m pytest -m alone tests/e2e

soak: $(TEST_STAMP) peers
	$(BIN)/python -m tests.simulation.erlang
	$(BIN)/python -m tests.crash --points 10000
	$(BIN)/python -m tests.crash.mail --mails 5000
	$(BIN)/python -m tests.adapters.fax.soak 500
	for day in $$(seq 100 140); do $(BIN)/python -m tests.simulation.day $$day 3000 || exit 1; done
	MUTATIONS=100000 $(BIN)/python -m pytest -q tests/e2e/test_mutations.py --timeout 3600
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -q tests/control tests/frontend tests/sip tests/ivr tests/media
	SOAK_LEAVINGS=10000 SOAK_CALLS=1000 $(BIN)/python -m pytest -q tests/frontend/test_every_leaving.py tests/frontend/test_bad_road.py
	for round in 1 2 3 4 5 6 7 8 9 10; do $(BIN)/python -m pytest -q tests/e2e || exit 1; done

bench: $(STAMP)
	$(BIN)/callcenter bench calls
	$(BIN)/callcenter bench latency
	$(BIN)/callcenter bench media
	$(BIN)/callcenter bench route
	$(BIN)/callcenter bench store
	$(BIN)/python -m tests.crash.mail --dies 0
	$(BIN)/python -m tests.bench.wait

sabotage: $(TEST_STAMP)
	@$(BIN)/python -m tests.sabotage

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
