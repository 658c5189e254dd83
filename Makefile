# Lingocast's commands; `make help` lists them. Each sets up what it needs first, which is quick once done.

# Settings given on the command line or in the environment reach every program by themselves, and each knows its defaults.
VENV ?= .venv
PYTHON ?= python3
WORKERS ?= 3

IN := $(VENV)/bin/python
LOCK_VENV := .lock-venv
WEB := .web/bin

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

##@ Use it

.PHONY: run
run: setup  ## start all five services until Ctrl-C (PORT, HOST, ENGINES=aws,local or scripted)
	@exec $(IN) -m chassis.launch

.PHONY: demo
demo: setup  ## play a talk and hear it in other languages (AUDIO=file, LANGS=pt,es, SOURCE=en, OUT=out)
	@exec $(IN) -m edge.client.demo $(if $(AUDIO),--audio "$(AUDIO)") $(if $(LANGS),--langs "$(LANGS)") \
		$(if $(SOURCE),--source "$(SOURCE)") $(if $(OUT),--out "$(OUT)")

.PHONY: token
token: packages  ## print a speaker's token of the local issuer
	@exec $(IN) -m edge.auth

.PHONY: models
models: packages  ## fetch the local engines' models, and say which languages there are
	@exec $(IN) -m chassis.models fetch

##@ Work on it

.PHONY: test
test: setup-tests  ## run all tests, some side by side, for half of them wait (ARGS= goes to pytest)
	@exec $(IN) -m pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder $(ARGS)

.PHONY: check
check: static test  ## everything that must hold: static, then test

.PHONY: static
static: lint types imports protos-check  ## what needs no run: format, lint, types, import rules, protos

.PHONY: fmt
fmt: packages web-tools  ## format the code and mend what the linters can
	@$(VENV)/bin/ruff format --quiet .
	@$(VENV)/bin/ruff check --quiet --fix .
	@cd tests/web && ../../$(WEB)/biome check --write --log-level=warn --error-on-warnings ../../edge/web .

.PHONY: lint
lint: packages web-tools  ## check format and lint rules
	@$(VENV)/bin/ruff format --quiet --check . || { echo "lint: not formatted; run: make fmt" >&2; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@cd tests/web && ../../$(WEB)/biome check --log-level=warn --error-on-warnings ../../edge/web . \
		|| { echo "lint: the pages; much of it is mended by: make fmt" >&2; exit 1; }

.PHONY: types
types: packages web-tools  ## check types
	@$(VENV)/bin/mypy --no-error-summary .
	@$(WEB)/tsc -p tests/web
	@$(WEB)/tsc -p tests/web/tsconfig.worklet.json

.PHONY: web
web: web-tools  ## check the pages alone: format, lint rules, types, tests of their modules
	@cd tests/web && ../../$(WEB)/biome check --log-level=warn --error-on-warnings ../../edge/web .
	@$(WEB)/tsc -p tests/web
	@$(WEB)/tsc -p tests/web/tsconfig.worklet.json
	@$(WEB)/node --disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test --test-reporter=dot tests/web/*.test.js

.PHONY: imports
imports: packages  ## check who may import whom
	@said=$$($(VENV)/bin/lint-imports --no-logo 2>&1) || { echo "$$said" >&2; exit 1; }

.PHONY: protos
protos: packages  ## generate the Python code of the .proto files
	@$(IN) -m protos.generate

.PHONY: protos-check
protos-check: packages  ## check that generated code is fresh and that buf finds no fault
	@$(IN) -m protos.generate --check
	@$(VENV)/bin/buf lint

.PHONY: bench
bench: setup-tests  ## measure parts apart, write reports (ARGS=lag, voices, amazon, fanout, receiving, "sessions --store sqlite"…; none: all)
	@exec $(IN) -m tests.bench $(ARGS)

.PHONY: soak
soak: setup-tests  ## run the whole system under people who come and go, and see that nothing grows (MINUTES=15)
	@exec $(IN) -m tests.soak

.PHONY: eval
eval: setup-tests  ## evaluate real speech and write a report (ARGS="--only clean,share", see docs/evaluation.md)
	@exec $(IN) -m tests.eval $(ARGS)

.PHONY: picture
picture: setup-tests  ## draw the README's picture of the demo's terminal, from a real run
	@exec $(IN) -m tests.bench.picture

.PHONY: screenshots
screenshots: setup-tests  ## photograph the pages in all their states into out/screenshots (ARGS=--docs: and for the README)
	@exec $(IN) -m tests.browser.screenshots $(ARGS)

.PHONY: lock
COMPILE := pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock"
lock: $(LOCK_VENV)/bin/uv  ## follow pyproject.toml in both lock files (ARGS=--upgrade: newer versions of all)
	@$(LOCK_VENV)/bin/uv $(COMPILE) $(ARGS) --all-extras -o requirements.lock
	@$(LOCK_VENV)/bin/uv $(COMPILE) --constraint requirements.lock -o requirements.run.lock
	@for each in ministack node; do \
		$(LOCK_VENV)/bin/uv $(COMPILE:pyproject.toml=tests/databases/$$each.in) $(ARGS) -o tests/databases/$$each.lock; done
	@! grep -nE '^ *(-i|--(extra-)?index-url|--find-links)|://' requirements.lock requirements.run.lock tests/databases/*.lock

$(LOCK_VENV)/bin/uv:
	@$(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/pip install --quiet uv

.PHONY: clean
clean:  ## remove what was made here, the virtual environment too; models and sessions stay
	@rm -rf .venv .venv.lock $(LOCK_VENV) .databases .peers .web out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## list these commands
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nSettings, as in `make run PORT=9000`, with their defaults:\n'
	@printf '  PORT=8080  HOST=127.0.0.1  ENGINES=local  VENV=.venv  LINGOCAST_DATA=~/.local/share/lingocast\n'

.PHONY: setup setup-tests packages web-tools
setup:
	@$(PYTHON) chassis/bootstrap.py

setup-tests:
	@$(PYTHON) chassis/bootstrap.py --for-tests

packages:
	@$(PYTHON) chassis/bootstrap.py --packages-only

web-tools:
	@$(PYTHON) tests/web/fetch.py
