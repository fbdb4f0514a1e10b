# What is done with this checkout. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
# What `make up` starts; `make up OPTIONS=` is the plain `ravebooks up`.
OPTIONS ?= --sandbox
# More for pytest, as in `make unit TESTS="-k signatures"`.
TESTS ?=
# How many seeds `make people` plays.
SEEDS ?= 500
# Words of the names of planted defects; without any, all of them.
DEFECTS ?=
# How many changes `make mutation` tries, and which draw of them.
SAMPLE ?= 500
SEED ?= 1
# What `make bench` measures, and in how many rounds; without any part, all of them.
PARTS ?=
ROUNDS ?= 5
# How long `make soak` lasts, in seconds.
SECONDS ?= 3600

BIN := .venv/bin
# Stamps: pip runs again only when a lock file or setup.cfg changes.
PROGRAM := .venv/.installed-program
RUN := .venv/.installed-run
TEST := .venv/.installed-test
BENCH := .venv/.installed-bench
TRACES := .venv/.installed-otel
WHEEL := .venv/.installed-wheel
MUTATION := .venv/.installed-mutation
CACHES := .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -qq --no-deps --no-build-isolation
# What pins has an environment of its own: it is needed most when the others do not install.
LOCK := .venv-lock/.installed
COMPILE := .venv-lock/bin/pip-compile --quiet --allow-unsafe --generate-hashes --no-strip-extras \
  --no-emit-find-links --no-emit-index-url --no-emit-trusted-host $(if $(UPGRADE),--upgrade)

.PHONY: help
help: ## List what there is
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ See it work
.PHONY: setup production otel demo up doctor
setup: $(RUN) ## Install what the program and the sandbox need into .venv (PYTHON=python3.12: with that one)
	@echo "Ready: $(BIN)/ravebooks"

production: $(PROGRAM) ## Install what the program needs into .venv, and no sandbox
	@echo "Ready: $(BIN)/ravebooks"

otel: $(TRACES) ## Install what sends traces (OpenTelemetry's SDK) beside it, into .venv
	@echo "Ready: set RAVEBOOKS_TRACES_URL"

demo: $(RUN) ## Play a working day against the sandbox and compare both books (EXIT=1: then end)
	@$(BIN)/ravebooks demo $(if $(filter-out 0,$(EXIT)),--exit)

up: $(RUN) ## Run everything in one process with the sandbox (OPTIONS=: without)
	@$(BIN)/ravebooks up $(OPTIONS)

doctor: $(PROGRAM) ## Check all that this installation needs, and say what to do about what is red
	@$(BIN)/ravebooks doctor

##@ Test
.PHONY: test test-more test-newer test-the-tests mutation people simulate unit coverage clients simulation thorough integration browser ops-test shown answers conformance docs fuzz chaos
test: $(TEST) ## Lint, unit, clients, simulation, integration, browser; installs RabbitMQ, PostgreSQL and Chromium where they are missing
	@ops/test-rings lint unit clients simulation integration browser

test-more: $(WHEEL) ## What `make test` has no time for: coverage, the longest simulations, what people are shown, answer, do and are told to type, the wheels, fuzz, and the locks with the pips of Python 3.11 and the newest one
	@SEEDS=40 ops/test-rings coverage thorough shown answers people conformance docs wheel fuzz
	@echo "Installing the locks into empty environments …"
	@ops/check-locks

test-the-tests: $(TEST) ## Plant each defect of tests/mutants in a copy: tests must fail (DEFECTS="lease outbox": those alone)
	@ops/install-services
	@$(BIN)/python -m tests.mutants $(DEFECTS)

mutation: $(MUTATION) ## Change the rules and the writes in small ways by chance: which do tests not notice? build/mutation lists them; a night (SAMPLE=100: so many; SEED=2: others)
	@$(BIN)/python -m pytest tests/mutation -q -p no:schemathesis
	@TMPDIR=$${TMPDIR:-/dev/shm} nice $(BIN)/python -m tests.mutation --sample $(SAMPLE) --seed $(SEED)

people: $(TEST) ## Random people on both sides, seed by seed; at rest both books agree, or a person is asked (SEEDS=5000: so many)
	@SEEDS=$(SEEDS) TESTS='$(TESTS)' ops/test-rings people

test-newer: $(TEST) ## The integration tests on the RabbitMQ and PostgreSQL of Debian's newest release, in build/trixie; needs root
	@ops/install-newer
	@SERVICES_ROOT=$(CURDIR)/build/trixie TESTS='$(TESTS)' ops/test-rings integration

simulate: $(TEST) ## Several processes interleaved at every input and output, with faults, seed by seed; a failing one is told in few words (SEEDS=100000: a night)
	@TMPDIR=$${TMPDIR:-/dev/shm} $(BIN)/python -m tests.simulation.interleaved --seeds $(SEEDS)

unit: $(TEST) ## The unit tests: seconds, no network
	@TESTS='$(TESTS)' ops/test-rings unit

coverage: $(TEST) ## The unit tests again, with the branches that they take: of the engine by its own tests, then of everything
	@TESTS='$(TESTS)' ops/test-rings coverage

clients: $(TEST) ## Public QuickBooks clients in front of the sandbox; the half of them need Node.js and npm
	@TESTS='$(TESTS)' ops/test-rings clients

simulation: $(TEST) ## The parts together in one thread under a seed
	@TESTS='$(TESTS)' ops/test-rings simulation

thorough: $(TEST) ## What takes minutes: every pair of changes, any order of deliveries, an account for days, floods, interruptions, hot queries, pages typed on servers
	@TESTS='$(TESTS)' ops/test-rings thorough

integration: $(TEST) ## Whole processes on SQLite, and on PostgreSQL with RabbitMQ
	@TESTS='$(TESTS)' ops/test-rings integration

browser: $(TEST) ## The console in a real browser: the article, a first hour, everybody's eyes
	@TESTS='$(TESTS)' ops/test-rings browser

ops-test: $(TEST) ## Prometheus on the running processes: promtool, every panel and rule has data, every alert fires and is over
	@ops/install-services prometheus
	@TESTS='$(TESTS)' ops/test-rings ops

shown: $(TEST) ## Previews, decisions and drift's sentences against what then happens
	@TESTS='$(TESTS)' ops/test-rings shown

answers: $(TEST) ## Each question's every answer played to its end: both books agree, or what was decided is shown
	@TESTS='$(TESTS)' ops/test-rings answers

conformance: $(TEST) ## `ravebooks conformance` on the sandbox, and on one with planted faults
	@TESTS='$(TESTS)' ops/test-rings conformance

docs: $(TEST) ## What the tutorial and the operator's page say, typed, and held against what they say that it prints
	@TESTS='$(TESTS)' ops/test-rings docs

fuzz: $(TEST) ## Requests, deliveries and messages of every kind: whatever comes, nothing crashes
	@TESTS='$(TESTS)' ops/test-rings fuzz

chaos: $(TEST) ## Processes that die at every boundary of input and output, links that fail, servers that hang: what became of all that was acknowledged
	@TESTS='$(TESTS)' ops/test-rings chaos

##@ Measure
.PHONY: bench soak
bench: $(BENCH) ## How fast it is, beside its peers, in alternating rounds (PARTS="recording receiving": those; ROUNDS=1: a look)
	@ops/install-services
	@$(BIN)/python -W ignore -m tests.bench $(PARTS) --rounds $(ROUNDS)

soak: $(BENCH) ## Whether memory, tables, file handles and latency stay level under a steady load (SECONDS=180: a look)
	@ops/install-services
	@$(BIN)/python -W ignore -m tests.bench.soak --seconds $(SECONDS)

##@ Ship
.PHONY: wheel test-image
wheel: $(WHEEL) ## Wheels of product and sandbox, their locks and a bill of materials into dist/; the demo is played from them
	@ops/build-wheels

test-image: $(WHEEL) ## The image on a base of Debian's packages (as root): its processes take an invoice across, read-only and not root
	@ops/install-services image
	@TESTS='$(TESTS)' ops/test-rings image

##@ Work on the code
.PHONY: lint format lock configuration commands contract concurrency screenshots questions clean
lint: $(TEST) ## ruff, mypy (strict), import-linter
	@ops/test-rings lint

format: $(TEST) ## Let ruff format and mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(LOCK) ## Pin what the requirements/*.in ask for, with hashes (UPGRADE=1: to the newest)
	@echo "Pinning requirements/run.lock, otel.lock, test.lock, lock.lock and the sandbox's …"
	@$(COMPILE) --output-file=requirements/run.lock requirements/run.in
	@$(COMPILE) --output-file=requirements/otel.lock requirements/otel.in
	@$(COMPILE) --output-file=requirements/test.lock requirements/test.in
	@$(COMPILE) --output-file=requirements/lock.lock requirements/lock.in
	@$(COMPILE) --output-file=requirements/bench.lock requirements/bench.in
	@$(COMPILE) --output-file=requirements/wheel.lock requirements/wheel.in
	@$(COMPILE) --output-file=requirements/mutation.lock requirements/mutation.in
	@# Both fit into one environment, the developer's.
	@$(COMPILE) --constraint=requirements/test.lock --output-file=sandbox/requirements/run.lock sandbox/requirements/run.in
	@$(COMPILE) --constraint=requirements/test.lock --output-file=sandbox/requirements/test.lock sandbox/requirements/test.in

configuration: $(RUN) ## Write docs/configuration.md from the settings' own words
	@$(BIN)/ravebooks configuration --markdown >docs/configuration.md

commands: $(RUN) ## Write docs/command-line.md from the commands' own words
	@$(BIN)/python -m ravebooks.reference >docs/command-line.md

contract: $(RUN) ## Write the contract with Ravetree, from its schemas, as the product and the sandbox read it
	@$(BIN)/python -m schemas.ravetree_openapi

concurrency: $(TEST) ## Write docs/concurrent-changes.md from what the product does
	@$(BIN)/python -m tests.simulation.concurrency >/dev/null

screenshots: $(TEST) ## Every page of the console in light, dark and phone width, into var/screenshots
	@ops/install-services
	@$(BIN)/python -m tests.browser.screenshots

questions: $(TEST) ## Write docs/questions.md from what the product does
	@$(BIN)/python -m tests.questions.page >/dev/null

clean: ## Remove the virtual environments and every cache; the books in var/ stay
	@rm -rf .venv .venv-lock dist $(foreach folder,. sandbox,$(addprefix $(folder)/,*.egg-info build $(CACHES)))
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environments --------------------------------------------------------------------

$(PROGRAM): requirements/run.lock setup.cfg pyproject.toml
	@PYTHON='$(PYTHON)' ops/install-lock .venv requirements/run.lock "the program needs"
	@$(INSTALL) --editable .
	@touch $@

$(TRACES): $(PROGRAM) requirements/otel.lock
	@ops/install-lock .venv requirements/otel.lock "sends traces"
	@touch $@

$(RUN): $(PROGRAM) sandbox/requirements/run.lock sandbox/pyproject.toml
	@ops/install-lock .venv sandbox/requirements/run.lock "the sandbox needs"
	@$(INSTALL) --editable ./sandbox
	@touch $@

$(TEST): $(RUN) requirements/test.lock sandbox/requirements/test.lock
	@ops/install-lock .venv requirements/test.lock "the tests need"
	@ops/install-lock .venv sandbox/requirements/test.lock "the sandbox's tests need"
	@touch $@

$(BENCH): $(TEST) requirements/bench.lock
	@ops/install-lock .venv requirements/bench.lock "the peers need that it is measured beside"
	@touch $@

$(WHEEL): $(TEST) requirements/wheel.lock
	@ops/install-lock .venv requirements/wheel.lock "says what the wheels run on"
	@touch $@

$(MUTATION): $(TEST) requirements/mutation.lock
	@ops/install-lock .venv requirements/mutation.lock "changes the rules in small ways"
	@touch $@

$(LOCK): requirements/lock.lock
	@PYTHON='$(PYTHON)' ops/install-lock .venv-lock requirements/lock.lock "pins the rest"
	@touch $@
