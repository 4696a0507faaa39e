# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
# On Debian or Ubuntu as root, missing system packages are installed; elsewhere the recipe says what to install.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := demo-store
PORT ?= 8501

.PHONY: demo test lint check soak bench lock clean help

help:
	@echo "make demo   build a demo organisation, assess it, write its evidence pack, serve the dashboard"
	@echo "make test   run every test (short proofs)"
	@echo "make lint   style, types and import floors"
	@echo "make soak   the long proofs; make bench  the measurements"

$(STAMP): requirements.lock pyproject.toml scripts/native.sh
	@$(PYTHON) scripts/python_version.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# Answers before demo and test, since a wheel cannot carry Pango or a browser.
native:
	@sh scripts/native.sh pango
.PHONY: native

demo: native $(STAMP)
	@rm -rf $(DEMO)
	@$(BIN)/muniment demo $(DEMO) --base-url http://127.0.0.1:$(PORT)
	@$(BIN)/muniment dashboard --store $(DEMO)/store --port $(PORT)

test: native $(STAMP)
	@sh scripts/native.sh chromium poppler qpdf
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not soak"

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/file_sizes.py

check: lint test

soak: native $(STAMP)
	@sh scripts/native.sh chromium poppler qpdf
	@$(BIN)/python -m pytest -m soak

bench: native $(STAMP)
	@for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

# Versions and hashes only; the file names no registry. Extras stay, since hash-checking pip asks for `name[extra]==` too.
lock:
	@$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --extra dev --no-strip-extras \
		--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate \
		-o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
