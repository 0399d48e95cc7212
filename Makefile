# Python 3.11+, git and make are all a machine needs; `make setup` brings the rest into .venv.

PYTHON ?= python3
BIN := .venv/bin
FRESH := .venv/.fresh
QUICK := not integration and not e2e and not bench and not chaos

.DEFAULT_GOAL := help
.PHONY: help setup demo test check check-api integration bench chaos drill docs clean

help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(FRESH) ## Make .venv with everything in it; does nothing when it is fresh

$(FRESH): pyproject.toml constraints.txt infra/hatch_build.py $(wildcard infra/devbroker/* infra/native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Leadstream needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make setup PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv; the first time takes a minute or two."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev,evaluate,tracing]'
	@test -x streams/_bin/devbroker || echo "Note: the embedded dev broker could not be built; Java or Docker will do instead."
	@$(BIN)/python -c 'from schemas import _avro; from streams.domain.learner import _native' 2> /dev/null || echo "Note: no C compiler was found for the Avro coder and the learner; Python does it, in more time."
	@touch $@

demo: setup ## Run the whole pipeline on this machine: make demo ARGS="--events 2000 --json"
	@$(BIN)/leadstream demo $(ARGS)

test: setup ## Unit, property, contract and topology tests on the embedded dev broker
	$(BIN)/pytest --broker=embedded -m "$(QUICK)" $(ARGS)

check: setup ## Lint, format, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-api: setup ## 20,000 requests by the collector's own OpenAPI document: no 5xx; 2,000 odd events for each adapter
	LEADSTREAM_FUZZ_EXAMPLES=2000 $(BIN)/pytest --broker=embedded --timeout=900 tests/contract/sources/test_fuzz.py
	LEADSTREAM_API_CALLS=20000 $(BIN)/pytest -s --broker=embedded tests/integration/test_api.py $(ARGS)

integration: setup ## The tests that want a real broker and a real Redis
	$(BIN)/pytest -m "integration or e2e" $(ARGS)

bench: setup build/quix/.made ## What an event costs, beside other engines, on Apache Kafka: make bench ARGS="--events 20000"
	@$(BIN)/python -m tests.benchmarks $(ARGS)

build/quix/.made: pyproject.toml # an environment of its own: Quix Streams wants older clients than ours
	@mkdir -p build && rm -rf build/quix && $(BIN)/uv venv --quiet --python $(BIN)/python build/quix
	@$(BIN)/uv pip install --quiet --python build/quix/bin/python -r pyproject.toml 'quixstreams==3.28.1' && touch $@ || \
		{ rm -rf build/quix; echo "Note: Quix Streams could not be installed; the others are measured without it."; }

chaos: setup ## Break things on purpose and count what is left, on Apache Kafka: make chaos ARGS="--rows W1,W4"
	@$(BIN)/python -m tests.chaos $(ARGS)

drill: setup ## Break things on purpose and see who is told, with a real Prometheus: make drill ARGS="--list"
	@$(BIN)/python -m tests.drill $(ARGS)

docs: setup ## Rewrite the pages that come from the code
	@$(BIN)/python infra/docs/settings.py
	@$(BIN)/python infra/grafana/build.py
	@$(BIN)/python infra/prometheus/slo.py
	@$(BIN)/python infra/kubernetes/build.py

clean: ## Remove what setup and the tests made
	rm -rf schemas/_avro*.so streams/domain/learner/_native*.so .venv build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis streams/_bin
