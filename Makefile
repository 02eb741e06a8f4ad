# The same targets for a person, for CI and for GitHub Actions.
# `make run` and `make test` prepare everything they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
CHECKS := tests/test_project.py tests/test_rooms.py tests/test_lines.py
NBS    ?= nbs $(CHECKS)
export MPLBACKEND ?= agg

SCALE  ?= cpu
DEPS   ?= newest
EXTRAS := $(if $(filter oldest,$(DEPS)),dev,dev,flower)
OUT    := $(if $(filter cpu,$(SCALE)),nbs/experiments/results,runs/study-$(SCALE))
TAG    ?= v$(shell sed -n 's/^version = //p' settings.ini)
# quietly; only a failure says what pip said
INSTALL := $(BIN)/python install.py

# a Python that is too old is a sentence, not a traceback
atleast = -c 'import sys; sys.exit(sys.version_info < ($(1)) and "$(2) Got: " \
	+ sys.version.split()[0])'

.PHONY: setup run test test-deploy test-browser bench experiments docs readme export lint dist \
	clean
setup: $(STAMP)

# built once, and again when the dependencies change; a half-built environment leaves no stamp
$(STAMP): settings.ini setup.py pyproject.toml install.py
	@$(PYTHON) $(call atleast,3$(comma) 10,cocogen needs Python 3.10 or newer.)
	@rm -f $@
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "installing into $(VENV) (torch is large: a few minutes the first time)"
	@sed -n 's/^requirements = //p' settings.ini | tr ' ' '\n' \
		| sed -n 's/>=\([0-9.]*\).*/==\1.*/p' > $(VENV)/oldest.txt
	@$(INSTALL) $(if $(filter oldest,$(DEPS)),-c $(VENV)/oldest.txt) -e '.[$(EXTRAS)]'
	@touch $@
comma := ,

run: $(STAMP)      ## the main job: three strategies on real digits, one table, one figure
	@$(BIN)/cocogen run --dataset digits --strategy vcfl,cocogen,cocogen+ --out runs/first

test: $(STAMP)     ## every notebook is a test
	@$(BIN)/python -m pytest $(NBS) -n 2 --maxschedchunk 1 $(PYTEST)

lint: $(STAMP)     ## rooms, lines, exports in sync, notebooks clean, metadata in step
	@$(BIN)/python -m pytest $(CHECKS)

test-deploy: $(STAMP) ## a consortium of processes on this machine: TLS, keys, deaths and lies
	@$(BIN)/python -m pytest tests/test_deploy.py -n 2 $(PYTEST)

test-browser: $(STAMP) ## the explorers and the site in headless Chromium; screenshots in screens/
	@$(INSTALL) -e '.[browser]'
	@for b in chromium chromium-browser google-chrome; do command -v $$b >/dev/null && exit 0; done; \
		echo 'installing Chromium'; apt=$$(test $$(id -u) = 0 || echo sudo); \
		{ $$apt apt-get update -qq && $$apt apt-get install -y -qq chromium; } >/dev/null
	@test -f docs/_build/html/index.html || $(MAKE) docs
	@$(BIN)/python -m pytest tests/test_browser.py $(PYTEST)

bench: $(STAMP)    ## measured speeds, as notebooks that print what they measure
	@$(BIN)/python -m pytest nbs/benchmarks --flags slow -s

# SCALE=smoke takes minutes, SCALE=gpu is the full scale; the same command continues
experiments: $(STAMP) ## every table and figure of the study
	@$(BIN)/cocogen study --scale $(SCALE) --out $(OUT)
	@$(if $(filter cpu,$(SCALE)),COCOGEN_FIGURES=$(CURDIR)/$(OUT)/figures \
		$(BIN)/python -m pytest -q nbs/experiments)

readme: $(STAMP)   ## README.md from nbs/index.ipynb
	@$(BIN)/python docs/build.py readme

export: $(STAMP)   ## notebooks to modules, metadata removed
	@$(BIN)/nbdev-export && $(BIN)/nbdev-clean

# sets are written in one order, so that pages that did not change are not made again
docs: $(VENV)/.docs ## the site, in docs/_build
	@PYTHONHASHSEED=0 $(BIN)/python docs/build.py site

$(VENV)/.docs: $(STAMP)
	@$(BIN)/python $(call atleast,3$(comma) 11,Sphinx 9 needs Python 3.11 or newer to build the site.)
	@$(INSTALL) -e '.[docs]'
	@touch $@

dist: $(STAMP)     ## a wheel and a source archive, checked, installed and tried
	@test "$(TAG)" = "v$$(sed -n 's/^version = //p' settings.ini)" || { \
		echo "a release is tagged with the version of settings.ini. Got: $(TAG)"; exit 1; }
	@rm -rf dist && $(INSTALL) build twine
	@$(BIN)/python -m build --outdir dist . > $(VENV)/dist.log 2>&1 \
		|| { tail -20 $(VENV)/dist.log; exit 1; }
	@$(BIN)/twine check --strict dist/*
	@$(BIN)/python -m pytest tests/test_release.py $(PYTEST)

clean:
	rm -rf $(VENV) _proc docs/_build build dist screens *.egg-info
