# The two commands a newcomer needs are `make repro` and `make test`; `make help` lists the rest.
# The first of these that is a Python the project supports; make PYTHON=/path/to/python names another
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
  $$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
ARCHIVE ?=
BASE ?= HEAD
METADATA ?=

# The stages that DVC starts must find this environment's python
export PATH := $(CURDIR)/$(BIN):$(PATH)
# As it was typed, whatever it holds: the shell takes it from the environment, Hydra in quotes
override ARCHIVE := $(value ARCHIVE)
export ARCHIVE

.DEFAULT_GOAL := help
.PHONY: help repro compare report docs test bench bench-full browser lint format lock sample clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

repro: .venv/installed  ## run the pipeline and show its metrics; ARCHIVE=data/raw/mine.zip takes another archive
	@[ -z "$$ARCHIVE" ] || [ -f "$$ARCHIVE" ] || { \
	  echo "Expected an archive at '$$ARCHIVE'. Received: no such file. Mend the path: make repro ARCHIVE=..." >&2; exit 1; }
	@[ -n "$$ARCHIVE" ] || $(BIN)/dvc repro
	@[ -z "$$ARCHIVE" ] || $(BIN)/dvc exp run -S "unzip.archive='$$(printf %s "$$ARCHIVE" | sed "s/'/\\\\'/g")'"
	@$(BIN)/python -m rare_species summary

compare: .venv/installed  ## judge the workspace against a commit or an experiment on the same test photos; BASE=main, HEAD if not given
	@$(BIN)/python -m rare_species compare $(BASE)

report: .venv/installed  ## write report.html, one page about the last run
	@$(BIN)/python -m rare_species report --out report.html

docs: .venv/installed  ## build the pages in docs/ as a site: build/docs/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo build/docs/index.html

test: .venv/installed  ## run all tests
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

bench: .venv/installed  ## measure speed against baselines and limits, 10 minutes on two cores: benchmarks/results.md
	@$(BIN)/python -m benchmarks.run

bench-full: .venv/installed  ## also measure the search and up to 47,932 photos, an hour; METADATA=metadata.csv of the real ones
	@$(BIN)/python -m benchmarks.run --full $(if $(METADATA),--metadata "$(METADATA)")

browser:  ## install what the tests in a browser need, from Debian: they are skipped without
	@.ci/browser

lint: .venv/installed  ## check format, style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: .venv/installed  ## rewrite files in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: .venv/installed  ## pin each requirements*.txt from its .in file
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --custom-compile-command "make lock" requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --custom-compile-command "make lock" requirements-vit.in -o requirements-vit.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --custom-compile-command "make lock" requirements-export.in -o requirements-export.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt

sample: .venv/installed  ## draw data/raw/sample.zip again
	@$(BIN)/python -m rare_species sample --out data/raw/sample.zip

clean:  ## remove what the pipeline and the checks wrote; dvc checkout brings the former back from the cache
	@rm -rf data/images data/labels data/clean data/split data/processed data/features data/checkpoints data/searches models build
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis dvc_plots report.html
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/installed: requirements.txt requirements-dev.txt
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' 2>/dev/null || { \
	  echo "Expected Python 3.11, 3.12 or 3.13. Received: $(or $(PYTHON),python3), which is" \
	    "$$($(or $(PYTHON),python3) --version 2>&1 | head -n 1). Install one, or name it: make PYTHON=/path/to/python3.13" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@
