# Slipway's commands. `make` alone lists them.

VENV ?= .venv
BIN := $(VENV)/bin
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

RUNTIME_LOCKS := requirements/requirements.txt requirements/requirements-models.txt
DEV_LOCK := requirements/requirements-dev.txt
CATALOGS := $(wildcard controlplane/locale/*/LC_MESSAGES/django.po)

.PHONY: help run test test-fast test-postgres faults check check-style check-types check-walls check-templates check-ledger \
	check-openapi openapi fix lock messages clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: $(VENV)/.runtime $(CATALOGS:.po=.mo) ## start Slipway here; Ctrl-C stops all of it
	@exec $(BIN)/python manage.py up

# A file's tests stay together: what they set up is set up once. In their order: the slow ones are not last.
test: $(VENV)/.dev $(CATALOGS:.po=.mo) ## run every test; what needs absent software is skipped with its reason
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -ra

test-fast: $(VENV)/.dev $(CATALOGS:.po=.mo) ## run the tests that need no engine, broker or browser
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow and not faults"

POSTGRES_TESTS ?= tests/models_app tests/workers/reconcilers \
	$(addprefix tests/controlplane/api/test_,filters.py idempotency.py paging.py versions.py)
test-postgres: $(VENV)/.dev $(CATALOGS:.po=.mo) ## run tests of the ledger and what stands on it on a PostgreSQL of their own
	$(BIN)/python -m tests.postgres_server $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -q --reuse-db -m "not slow and not faults" $(POSTGRES_TESTS)

REPEAT ?= 20
faults: $(VENV)/.dev ## repeat the fault tests with new seeds (REPEAT=20, FAULTS="tests/faults/test_web_killed.py"); long
	$(BIN)/python -m tests.faults.repeat --times $(REPEAT) $(FAULTS)

check: check-style check-types check-walls check-templates check-ledger check-openapi ## format, lint, types, room walls, templates, migrations, OpenAPI

check-style: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
check-types: $(VENV)/.dev
	$(BIN)/mypy .
check-walls: $(VENV)/.dev
	$(BIN)/lint-imports
check-templates: $(VENV)/.dev
	$(BIN)/djlint --lint --quiet templates
check-ledger: $(VENV)/.dev
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING
check-openapi: $(VENV)/.dev
	@$(EXPORT_OPENAPI) --output $(VENV)/openapi.json
	@diff -u docs/openapi.json $(VENV)/openapi.json || { echo "docs/openapi.json is behind: make openapi"; exit 1; }
EXPORT_OPENAPI = $(BIN)/python manage.py export_openapi_schema --api controlplane.api.application.api --indent 2

fix: $(VENV)/.dev ## mend format and lint where a tool can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev ## resolve requirements/*.in into hash-locked files (uv does it; UPGRADE=1 for newer)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) requirements/base.in -o requirements/requirements.txt
	$(LOCK) --no-deps requirements/models.in -o requirements/requirements-models.txt
	$(LOCK) requirements/dev.in -o $(DEV_LOCK)
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

openapi: $(VENV)/.dev ## write docs/openapi.json anew after a change of the API
	$(EXPORT_OPENAPI) --output docs/openapi.json

messages: $(VENV)/.dev ## bring the translation catalogs in step with the code; names what is untranslated
	$(BIN)/python manage.py collect_messages

clean: ## remove the virtual environment and caches; never the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f $(CATALOGS:.po=.mo)

$(VENV)/.runtime: $(RUNTIME_LOCKS)
	@requirements/install.sh $(VENV) $(RUNTIME_LOCKS)
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime $(DEV_LOCK)
	@requirements/install.sh $(VENV) $(DEV_LOCK)
	@touch $@

# A finished environment first: the compiler of catalogues is in it.
%.mo: %.po | $(VENV)/.runtime
	@$(BIN)/python manage.py compile_catalogs
	@touch $@
