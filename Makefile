# Two commands: `make demo` and `make test`. Everything else helps with one of them.
PYTHON ?= python3
HELPDESK ?= request_tracker
ERP ?= tryton
CRM ?=
SIZE ?= small
# More than there are cores: a third of the time tests wait for servers.
WORKERS ?= 4
VENV := .venv
BIN := $(VENV)/bin
MERIDIAN := $(BIN)/meridian

.PHONY: demo demo-day demo-stop test lint up down docs drill bench bench-full install lock clean bi bi-stop bi-lock object-store-lock spark-lock

# Some images set it. Nothing is compiled at installation, so then every process would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# The lock is complete, so nothing is resolved (--no-deps) and every file is checked against its hash. Python compiles what is imported when it first is;
# to compile all that is never imported, too, takes a third of the time (--no-compile).
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Meridian needs Python 3.11 or later; say which: make PYTHON=python3.12 ..."; exit 1; }
	@echo "creating the environment in $(VENV) (about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(VENV)/.installed

demo: install
	@$(BIN)/python -m sandbox up --size $(SIZE) --erp $(ERP) $(if $(CRM),--crm $(CRM)) --helpdesk $(HELPDESK)
	@$(MERIDIAN) nightly --config var/demo/meridian.toml

# The company lives one more day; the next `make demo` reads what changed.
demo-day: install
	@$(BIN)/python -m sandbox day

demo-stop:
	@$(BIN)/python -m sandbox down

test: install
	@$(BIN)/ruff check .
	@$(BIN)/mypy & typed=$$!; $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS); tested=$$?; wait $$typed && exit $$tested

up: install
	@$(MERIDIAN) up

down: install
	@$(MERIDIAN) down

docs: install
	@$(MERIDIAN) docs

# Apache Superset over the published marts of the demo or of your meridian.toml, with the dashboards of bi/.
bi: install
	@$(BIN)/python -m bi up

bi-stop: install
	@$(BIN)/python -m bi stop

# The random sweeps at full length, of which `make test` runs a bounded part, and every fault of a night on one company, with its table.
drill: install
	@MERIDIAN_DRILL=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)
	@$(BIN)/python -m tests.drill

# Never beside other work: it measures. An hour, and a day.
bench: install
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-full: install
	@$(BIN)/python -m tests.benchmarks --full $(ARGS)

lock:
	uv pip compile --quiet --universal --python-version 3.11 --strip-extras --generate-hashes --no-header --no-emit-index-url --no-emit-find-links requirements.in -o requirements.lock

bi-lock:
	uv pip compile --quiet --universal --python-version 3.11 --strip-extras --generate-hashes --no-header --no-emit-index-url --no-emit-find-links bi/requirements.in -o bi/requirements.lock

object-store-lock:
	uv pip compile --quiet --universal --python-version 3.11 --strip-extras --generate-hashes --no-header --no-emit-index-url --no-emit-find-links sandbox/object_store/requirements.in -o sandbox/object_store/requirements.lock

spark-lock:
	uv pip compile --quiet --universal --python-version 3.11 --strip-extras --generate-hashes --no-header --no-emit-index-url --no-emit-find-links flows/dialects/requirements.in -o flows/dialects/requirements.lock

clean: demo-stop
	@test ! -x $(BIN)/python || $(BIN)/python -m bi stop || true
	rm -rf var $(VENV) .venv-bi .venv-spark
