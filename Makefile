# Each target is enough by itself on a fresh machine: it makes .venv, installs into it, and runs.
PYTHON := $(shell for python in python3.11 python3.10 python3.9 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin

.PHONY: demo test lint clean

# Trains on composed scenes, scores the captions of unseen ones, and captions three of their files.
demo: .venv/demo
	rm -rf runs/demo
	$(BIN)/python train.py --config configs/demo.yaml --run runs/demo
	$(BIN)/python evaluate.py --run runs/demo --split test --show 6
	$(BIN)/python caption.py --run runs/demo $$(ls runs/demo-scenes/test/*.wav | head -n 3)

test: .venv/test
	$(BIN)/python -m pytest

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

clean:
	rm -rf .venv build *.egg-info

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "aac_tf needs Python 3.9, 3.10 or 3.11: TensorFlow 2.15 has no build for others"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo: setup.cfg | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/test .venv/dev: .venv/%: setup.cfg | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@
