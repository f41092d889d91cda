# Needs Python 3.11 or newer, make and git. Everything else is installed into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PEERS := $(VENV)/peers
EXTRAS := embedded,demo,report,dev

.PHONY: demo test native pytest lint types layers bench bench-quick chaos chaos-long shapes exactness restarts evaluate constraints clean

demo: $(INSTALLED)
	$(BIN)/scorer demo

# Compiling takes a minute of one core, and so do the checks.
test: $(INSTALLED)
	$(MAKE) --jobs 2 native lint types layers
	$(MAKE) pytest

# All native code, kept on disk for tests and workers.
native: $(INSTALLED)
	$(BIN)/python -m stream.transport.warm_up

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports

# Three at a time: most of an integration test is waiting. A file's tests stay together, as do the servers they share;
# files in the order that tests/conftest.py puts them in.
pytest: $(INSTALLED)
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Beside its peers, and as it grows; writes the figures into docs/reference/performance.md and scaling.md. Takes about half an hour.
bench: $(INSTALLED) $(PEERS)/installed
	$(BIN)/python -m tests.bench --page --peers $(PEERS)/bin/python $(if $(ROUNDS),--rounds $(ROUNDS))

# Whether the worker became slower beside the ceiling: a minute.
bench-quick: $(INSTALLED)
	$(BIN)/python -m tests.bench.quick

# Every fault that is known, with the oracle at the end of each run, and the mutants: make chaos SEEDS=20 EVENTS=100000
chaos: $(INSTALLED)
	$(BIN)/python -m tests.chaos --page $(if $(SEEDS),--seeds $(SEEDS)) $(if $(EVENTS),--events $(EVENTS))

# Half an hour of load with a kill every 20 s: is memory flat, is anything left: make chaos-long MINUTES=30
chaos-long: $(INSTALLED)
	$(BIN)/python -m tests.chaos.long $(if $(MINUTES),--minutes $(MINUTES))

# One customer with everything, a million customers, a backlog read by the wall clock
shapes: $(INSTALLED)
	$(BIN)/python -m tests.chaos.shapes

# Every data set, order, number of workers and batch size against the oracle; takes about half an hour.
exactness: $(INSTALLED)
	$(BIN)/python -m tests.exactness

# A worker stopped and killed ten times beside one that never is: the same tables, decisions and calibration; two to three minutes.
restarts: $(INSTALLED)
	$(BIN)/python -m tests.restarts

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "No virtual environment could be made; on Debian, install python3-venv." >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

# The peers want other versions of what the scorer uses.
$(PEERS)/installed: tests/bench/peers/requirements.txt
	@$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# What the scores are worth on real purchases: churn walking forward in time, and how often tiers flap. Takes some minutes.
evaluate: $(INSTALLED)
	$(BIN)/python -m tests.evaluation.hysteresis --page
	$(BIN)/python -m tests.evaluation.churn --page

# What the newest allowed versions are today, written down. Run by hand, with the tests after it.
constraints:
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	{ echo '# What was tested together, made by `make constraints`: every package of all extras, exact.'; \
	  $(BIN)/pip freeze --exclude streaming-customer-scorer --exclude pip --exclude setuptools; } > constraints.txt
	@touch $(INSTALLED)

clean:
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
