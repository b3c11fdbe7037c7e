# Each target works on a fresh machine: it creates .venv, installs what it needs into it, and runs.
# The newest Python that aac_tf supports; `python3` may be one of them under another name.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
# Processes that run the tests: one per core. Those that are idle take tests from the others.
PROCESSES ?= auto
PYTEST := $(BIN)/python -m pytest -n $(PROCESSES) --maxprocesses 8 --dist worksteal

.PHONY: demo test test-slow test-all lint typecheck docs coverage dist clean

# Composes scenes, trains a captioner on them, scores its captions of unseen scenes, and captions three files.
demo: .venv/demo
	rm -rf runs/demo
	$(BIN)/python train.py --config configs/demo.yaml --run runs/demo
	$(BIN)/python evaluate.py --run runs/demo --split test --show 6
	$(BIN)/python caption.py --run runs/demo $$(ls runs/demo-scenes/test/*.wav | head -n 3)
	@echo
	@echo "runs/demo captions scenes of synthetic sounds, and nothing else: a real recording gets nonsense. Next:"
	@echo "  $(BIN)/python caption.py --run runs/demo --beam 1 --attention attention.png runs/demo-scenes/test/test_00001.wav"
	@echo "  $(BIN)/python train.py --config my_clips data.root=YOUR.csv       # your clips: file_name,caption_1,..."
	@echo "  $(BIN)/python train.py --config clotho_yamnet data.root=CLOTHO    # real sounds: README.md, Train"

# The tests to run while working on the code.
test: .venv/test
	$(PYTEST) -m "not slow"

test-slow: .venv/test
	$(PYTEST) -m slow

test-all: .venv/test
	$(PYTEST)

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

typecheck: .venv/dev
	$(BIN)/mypy

# The site, in build/site.
docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Line and branch coverage of the tests that `make test` runs; the report is in build/coverage.
coverage: .venv/dev
	$(PYTEST) -m "not slow" --cov --cov-report=term --cov-report=html

# Wheel and sdist, in dist.
dist: .venv/dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

clean:
	rm -rf .venv build dist *.egg-info

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "aac_tf needs Python 3.11, 3.12 or 3.13. Pass another path with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo: setup.cfg | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/test .venv/docs .venv/dev: .venv/%: setup.cfg | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@
