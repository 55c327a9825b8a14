# Two commands matter: `make run` opens the room, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: run test check servers bench lock docs picture clean help

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

run: $(VENV)/.run ## open the room on this machine's real servers; ARGS="--config my.toml" opens your own
	@case " $(ARGS) " in \
	*" --config"*) exec $(BIN)/controlroom $(ARGS) ;; \
	*) exec $(BIN)/controlroom lab -- $(ARGS) ;; \
	esac

test: $(VENV)/.dev ## install what the tests need and run them all
	@sh scripts/servers.sh
	$(BIN)/pytest -n auto --dist worksteal --reruns 1 $(ARGS)

servers: ## fetch the real servers that no package brings: Kafka (Java, Maven); Temporal, Prometheus 3, VictoriaMetrics (Go)
	@sh scripts/servers.sh
	@sh scripts/fetch-kafka.sh
	@sh scripts/fetch-temporal.sh
	@sh scripts/fetch-prometheus.sh
	@sh scripts/fetch-victoria-metrics.sh

check: $(VENV)/.dev ## linters and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev ## measure against floors taken in the same run
	$(BIN)/python -m benchmarks $(ARGS)

picture: $(VENV)/.dev ## make the README's picture from the lab
	$(BIN)/python scripts/picture.py

docs: $(VENV)/.dev ## renew the generated parts of the README
	$(BIN)/python scripts/readme.py

lock: $(VENV)/.dev ## renew the lock files
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --extra all pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --extra all pyproject.toml --group dev -o requirements-dev.lock

$(VENV)/bin/python:
	@sh scripts/venv.sh $(PYTHON) $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@$(BIN)/python -m compileall -q src
	@touch $@ $(VENV)/.run

clean: ## forget the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
