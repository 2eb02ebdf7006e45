# Everything a newcomer needs: `make run` (the demo) and `make test`. Needs python3 (3.11 or newer), make and git.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin
# Never a setting of the shell: the suite brings its own. Without bytecode every process compiles all tests anew, in 4.5 s of processor time.
CLEAN := env -u PYTHONDONTWRITEBYTECODE -u DATABASE_URL -u EMAIL_URL -u TWILIO_ACCOUNT_SID -u TWILIO_AUTH_TOKEN -u TWILIO_FROM -u TWILIO_API_URL -u SECRET_KEY -u SECRETS_KEY -u DEBUG
POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/postgres
# Four processes, also on two cores: the tests with real clusters mostly wait.
PYTEST := $(BIN)/python -m pytest -n $(or $(WORKERS),4) --dist loadgroup --durations 12
# A page needs a browser, and a generated client its generators: neither is loaded by the processes that run the rest.
THE_REST := --ignore tests/browser --ignore tests/clients -p no:playwright -p no:anyio -m "not browser and not clients"
# What no database has a say in, and the demo, which is always on SQLite.
NOT_AGAIN := $(addprefix --ignore tests/,notifications/channels notifications/text notifications/templating notifications/secrets/test_secret_urls.py \
  notifications/delivery/test_verdict.py notifications/lanes/test_pace.py notifications/test_retry.py cluster/test_demo.py production test_architecture.py test_mutants.py \
  test_permissions_matrix.py test_content_matrix.py test_documents.py notifications/test_process.py recipes $(addprefix commlog/,company test_environment.py test_pages.py test_web_server.py demo export/test_office.py export/test_cells.py \
  message/test_sms_length.py message/test_preview.py message/test_secret_urls.py log/test_long_addresses.py kit/test_hidden_characters.py kit/test_origins.py \
  kit/test_edit_conflicts.py kit/test_sentences.py account/test_account.py account/test_sessions.py account/test_slots.py $(addprefix api/test_,chunks.py compression.py \
  cross_origin.py docs.py media_types.py operators.py plain.py skeleton.py)))

.PHONY: help setup setup-dev run test test-postgres test-browser test-openid screenshots settings-page check api-fuzz clients clients-python production bench chaos chaos-quick lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Commlog needs Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "The module venv is missing. On Debian and Ubuntu: apt install python3-venv"; rm -rf .venv; exit 1; }

.venv/.installed: requirements.txt | .venv/bin/python
	@echo "Installing packages (once) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check uv 2>/dev/null || true
	@if [ -x $(BIN)/uv ]; then VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r $<; \
	else $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<; fi
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing packages for development (once) …"
	@if [ -x $(BIN)/uv ]; then VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r $<; \
	else $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<; fi
	@touch $@

setup: .venv/.installed ## install what is needed to run
setup-dev: .venv/.installed-dev

run: setup ## the demo, on http://127.0.0.1:8000 (PORT=8123 for another port)
	@exec $(BIN)/python manage.py demo --port $(PORT)

test: setup-dev ## the whole suite on SQLite, without any service
	$(CLEAN) $(PYTEST) $(THE_REST)

test-postgres: setup-dev ## the same on PostgreSQL (POSTGRES_URL=postgres://user@host/database)
	$(CLEAN) DATABASE_URL=$(POSTGRES_URL) $(PYTEST) $(THE_REST) $(NOT_AGAIN)

test-openid: setup-dev ## the company sign-in against a certified provider of npm (needs Node.js and npm)
	npm install --prefix tests/openid --no-save --no-package-lock --no-audit --no-fund --silent oidc-provider@9.13.3
	$(CLEAN) $(BIN)/python -m pytest -q tests/openid

test-browser: setup-dev ## the pages in Chromium, with and without JavaScript
	$(CLEAN) $(PYTEST) -n 2 -m browser tests/browser

screenshots: setup-dev ## every page of a demo as pictures in screenshots/, light and dark, wide and narrow
	$(CLEAN) $(BIN)/python -m tests.browser.screenshots

settings-page: setup-dev ## docs/settings.md, made of the comments in commlog/settings.py
	$(BIN)/python -m tests.settings_page

check: setup-dev ## lint, format, types, deployment checks, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(CLEAN) $(BIN)/python manage.py makemigrations --check --dry-run
	$(CLEAN) DEBUG=0 SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') PUBLIC_URL=https://commlog.example.org \
	  DATABASE_URL=sqlite:////tmp/commlog-check.sqlite3 \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

api-fuzz: setup-dev ## attack the API at length with what its description allows and forbids (EXAMPLES=300)
	$(CLEAN) $(if $(SERVER),DATABASE_URL=$(SERVER)) API_FUZZ_EXAMPLES=$(or $(EXAMPLES),100) \
	  $(BIN)/python -m pytest tests/commlog/api/test_description.py tests/commlog/api/test_over_the_wire.py --timeout 7200

.clients/.installed-python: requirements-clients.txt .venv/.installed
	@echo "Installing generators of clients (once) …"
	@[ -x .clients/python/bin/python ] || $(PYTHON) -m venv .clients/python
	@if [ -x $(BIN)/uv ]; then VIRTUAL_ENV=.clients/python $(BIN)/uv pip install --quiet --require-hashes -r $<; \
	else .clients/python/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<; fi
	@touch $@

.clients/.installed-node: tests/clients/package.json
	@mkdir -p .clients/node && cp $^ .clients/node/
	@if command -v node npm >/dev/null; then cd .clients/node && npm install --silent --no-package-lock --no-audit --no-fund && touch ../.installed-node; \
	else echo "node and npm are missing, so the clients in TypeScript are left out. On Debian and Ubuntu: apt install nodejs npm"; fi

clients: setup-dev .clients/.installed-python .clients/.installed-node ## make clients from our description, and use each of them against a server
	$(CLEAN) $(BIN)/python -m pytest -m clients -rs tests/clients

clients-python: setup-dev .clients/.installed-python ## one of them, without node
	$(CLEAN) REQUIRE_CLIENTS=1 $(BIN)/python -m pytest -m clients -k openapi-python-client tests/clients

production: setup-dev ## docs/operate.md, followed in a root of its own (as root; nginx and PostgreSQL are installed there)
	$(CLEAN) $(BIN)/python -m tests.production

bench: setup-dev ## what it does, and how fast
	$(CLEAN) $(BIN)/python -m bench $(if $(SERVER),--server $(SERVER))

chaos-quick: setup-dev ## every fault once, two minutes; SERVER=postgres://… instead of SQLite
	$(CLEAN) $(BIN)/python -m bench.chaos --quick $(if $(SERVER),--server $(SERVER) --only)

chaos: setup-dev ## the same at length
	$(CLEAN) $(BIN)/python -m bench.chaos $(if $(SERVER),--server $(SERVER))

lock: setup-dev ## write the requirements with their hashes anew
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml \
	  --extra postgres -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml \
	  --extra dev -c requirements.txt -o requirements-dev.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --group pyproject.toml:clients -o requirements-clients.txt

clean: ## remove what was installed and the demo's data
	rm -rf .venv .clients var staticfiles
