# `make` or `make help` lists the commands.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/contracts libs/servicekit libs/simulators libs/testkit \
	services/subscriber-svc services/billing-svc services/payment-svc services/radius-svc \
	services/router-svc gateway .
READY := $(VENV)/ready
# Where this variable is set, as in many containers, each process would compile all of its Python code again:
# about 2 seconds, and the tests start more than a hundred processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo run-distributed test test-fast soak lint format bench bench-radius dead-letters rescue-operator lock generated licenses clean compiled test-tools

help: ## Show this help
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

run: $(READY) compiled ## Start everything in one process (Ctrl-C stops it)
	@exec $(BIN)/python -m ispos run

demo: $(READY) compiled ## Start with a simulated router, subscribers, a movable clock and a guided tour
	@exec $(BIN)/python -m ispos demo

run-distributed: $(READY) compiled ## Start one process per service on RabbitMQ and PostgreSQL
	@exec $(BIN)/python -m ispos run-distributed

test: $(READY) test-tools compiled ## Install what the tests need and run them all
	@$(BIN)/python -W ignore -m testkit.shared_servers \
		$(MAKE) --no-print-directory --jobs=3 --output-sync=target --keep-going $(TEST_PARTS)

test-fast: $(READY) compiled ## Run the unit and component tests, on SQLite only
	@$(BIN)/python -W ignore -m testkit.shared_servers \
		$(MAKE) --no-print-directory --jobs=3 --output-sync=target --keep-going $(FAST_TEST_PARTS) \
		SELECTED="-k 'not postgresql'"

soak: $(READY) test-tools compiled ## Run the fault tests in their long form: more kills, more payments
	@SOAK=1 $(BIN)/python -m pytest -q -s tests/faults

# Three parts run at a time, because tests spend much of their time waiting. They start in this order: the
# longest first, so that none is left alone at the end, and those that run the whole system (scenario, faults,
# browser, freeradius) not all at once.
FAST_TEST_PARTS := test-listener test-gateway test-billing test-radius test-kit test-services test-units
TEST_PARTS := test-browser test-faults test-listener test-gateway test-scenario test-freeradius \
	test-radius test-billing test-kit test-bus test-whole test-services test-units
.PHONY: $(TEST_PARTS)
test-scenario: TESTS := tests/scenario
test-browser: TESTS := tests/browser
test-faults: TESTS := tests/faults
test-freeradius: TESTS := tests/freeradius
test-bus: TESTS := libs/servicekit/tests/conformance libs/servicekit/tests/servers
test-whole: TESTS := tests/e2e tests/launcher tests/contract tests/benchmarks
test-listener: TESTS := services/radius-svc/tests/component/listener
test-gateway: TESTS := gateway
test-billing: TESTS := services/billing-svc
test-radius: TESTS := services/radius-svc/tests/component/control_plane services/radius-svc/tests/unit
test-kit: TESTS := libs/servicekit/tests/component libs/servicekit/tests/unit
test-services: TESTS := services/subscriber-svc services/payment-svc services/router-svc
test-units: TESTS := libs/contracts libs/testkit libs/simulators tests/architecture
$(TEST_PARTS): $(READY)
	@$(BIN)/python -m pytest -q $(TESTS) $(SELECTED)

test-tools: $(READY)
	@PYTHON="$(BIN)/python" sh tests/install-tools.sh

# In three parts, which the hooks in .pre-commit-config.yaml run separately.
.PHONY: lint-style lint-types lint-generated
lint: lint-style lint-types lint-generated ## Check style, types and generated files

lint-style: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lint-types: $(READY)
	@$(BIN)/mypy --strict libs/contracts/src $(wildcard services/*/src/*/domain)
	@$(BIN)/mypy libs/servicekit/src libs/testkit/src gateway/src $(wildcard services/*/src) ispos tools tests/benchmarks

lint-generated: $(READY)
	@$(BIN)/python -W ignore -m servicekit.schemas check
	@$(BIN)/python -W ignore tools/docs_tables.py check
	@$(BIN)/python tools/third_party_licenses.py check

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY) test-tools compiled ## Run the benchmarks and write docs/benchmarks.md
	@$(BIN)/python -m tests.benchmarks

bench-radius: $(READY) compiled ## Compare RADIUS with FreeRADIUS and write docs/benchmarks.md (as root; QUICK=1 for a short trial)
	@PYTHON="$(BIN)/python" sh tests/install-tools.sh bench-radius
	@$(BIN)/python -W ignore -m tests.benchmarks.radius $(if $(QUICK),--quick)

dead-letters: $(READY) ## List events that could not be handled (REPLAY=1 tries them again)
	@$(BIN)/python -m ispos dead-letters $(if $(REPLAY),replay)

rescue-operator: $(READY) ## Let an operator who is locked out back in (EMAIL=you@example.com)
	@$(BIN)/python -W ignore -m ispos rescue-operator "$(EMAIL)"

setup: $(READY) compiled ## Create the virtual environment and install everything

lock: $(READY) ## Update requirements.lock from requirements.in (UPGRADE=1 takes the newest versions)
	@$(BIN)/uv pip compile requirements.in $(if $(UPGRADE),--upgrade) --generate-hashes --no-header --universal \
		--python-version 3.11 --no-emit-index-url --quiet -o requirements.lock

generated: $(READY) ## Update the schemas of the contracts, and the tables in the docs, from the code
	@$(BIN)/python -W ignore -m servicekit.schemas write
	@$(BIN)/python -W ignore tools/docs_tables.py write

licenses: $(READY) ## Update THIRD_PARTY_LICENSES.md from the installed packages
	@$(BIN)/python tools/third_party_licenses.py write

clean: ## Remove the virtual environment and compiled files (your data stays)
	rm -rf $(VENV) services/radius-svc/src/radius_svc/_compiled

$(READY): requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh setup.sh $(PACKAGES)
	@touch $@

# Compiles the code that every RADIUS packet passes through. Without a compiler, it runs as plain Python.
compiled: $(READY)
	@$(BIN)/python -W ignore services/radius-svc/compile.py
