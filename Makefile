# Each target works on a fresh machine: it creates .venv, installs what it needs into it, and runs.
# The newest Python that aac_tf supports and that can create environments; `python3` may be one under another name.
# Commands that do not run, such as pyenv's for a Python that is not selected, are passed over.
SUPPORTED := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c '$(SUPPORTED)' >/dev/null 2>&1 && echo $$python && break; done)
# uv, if there is one, shows its progress, and downloads a Python where there is none.
UV ?= $(shell command -v uv)
INSTALL = $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check)
BIN := .venv/bin
# Processes that run the tests: one per core. Those that are idle take tests from the others.
PROCESSES ?= auto
PYTEST := $(BIN)/python -m pytest -n $(PROCESSES) --maxprocesses 8 --dist worksteal

# Real recordings that end the demo: yours (make demo RECORDINGS="dog.wav rain.flac"), or else sounds that desktops have.
RECORDINGS ?= $(wildcard /usr/share/sounds/alsa/Front_Center.wav \
	$(addprefix /usr/share/sounds/freedesktop/stereo/,phone-incoming-call.oga camera-shutter.oga))

.PHONY: demo test test-slow test-all lint typecheck docs coverage dist clean

# Composes scenes, trains a captioner on them, scores its captions of unseen scenes, and captions three files. Then the
# preset `everyday` captions real recordings; it needs YAMNet, from $AAC_TF_YAMNET or the network.
demo: .venv/demo
	rm -rf runs/demo
	$(BIN)/python train.py --config configs/demo.yaml --run runs/demo
	$(BIN)/python evaluate.py --run runs/demo --split test --show 6
	$(BIN)/python caption.py --run runs/demo $$(ls runs/demo-scenes/test/*.wav | head -n 3)
ifneq ($(strip $(RECORDINGS)),)
	@echo
	-$(BIN)/python caption.py $(RECORDINGS)
endif
	@echo
	@echo "runs/demo captions scenes of synthetic sounds, and nothing else: a real recording gets nonsense. Next:"
	@echo "  $(BIN)/python caption.py YOUR.wav                                    # real sounds, by the preset everyday"
	@echo "  $(BIN)/python caption.py --run runs/demo --beam 1 --attention attention.png runs/demo-scenes/test/test_00001.wav"
	@echo "  $(BIN)/python train.py --config my_clips training.initial=everyday data.root=YOUR.csv    # your clips: file_name,caption_1,..."
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

define NO_PYTHON
aac_tf needs Python 3.11, 3.12 or 3.13 with its module venv; $(or $(PYTHON),$(shell python3 --version 2>&1)) is not one.
Each of these gives you one; then run make again:
  uv      pip install uv                              make uses it to download Python
  pyenv   pyenv install 3.13 && pyenv local 3.13
  conda   conda create -n aac_tf python=3.13 && conda activate aac_tf
  Docker  docker run -it -v "$$PWD:/aac_tf" -w /aac_tf python:3.13 bash
To use a Python that is not on the PATH: make PYTHON=/path/to/python3.13
endef

.venv/bin/python:
ifeq ($(UV),)
	$(if $(shell $(or $(PYTHON),false) -c '$(SUPPORTED)' && echo yes),,$(error $(NO_PYTHON)))
	$(PYTHON) -m venv .venv
else
	$(UV) venv --seed --python $(or $(PYTHON),3.13) .venv
endif

.venv/demo: setup.cfg | .venv/bin/python
	@echo "Installing TensorFlow and the other libraries into .venv: up to 0.9 GB to download, 3 GB on the disk"
	$(INSTALL) -e .
	touch $@

.venv/test .venv/docs .venv/dev: .venv/%: setup.cfg | .venv/bin/python
	@echo "Installing TensorFlow and the other libraries into .venv: up to 1.1 GB to download, 4 GB on the disk"
	$(INSTALL) -e ".[$*]"
	touch $@
