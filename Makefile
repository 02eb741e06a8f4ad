# The same targets for a person, for CI and for GitHub Actions. `make run` and `make test` prepare everything they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
NBS    ?= nbs tests/test_project.py
export MPLBACKEND ?= agg

SCALE  ?= cpu
DEPS   ?= newest
EXTRAS := $(if $(filter oldest,$(DEPS)),dev,dev,flower)
TAG    ?= v$(shell sed -n 's/^version = //p' settings.ini)
.PHONY: setup run test test-deploy test-browser bench experiments docs readme export lint dist clean
setup: $(STAMP)

# built once, and again when the dependencies change; a half-built environment leaves no stamp
$(STAMP): settings.ini setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "cocogen needs Python 3.10 or newer. Got: " + sys.version.split()[0])'
	@rm -f $@
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "installing into $(VENV) (torch is large: a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip 2>&1 | grep -v '^WARNING' || true
	@sed -n 's/^requirements = //p' settings.ini | tr ' ' '\n' | sed -n 's/>=\([0-9.]*\).*/==\1.*/p' > $(VENV)/oldest.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(filter oldest,$(DEPS)),-c $(VENV)/oldest.txt) -e '.[$(EXTRAS)]' > $(VENV)/install.log 2>&1 || { grep -v '^WARNING' $(VENV)/install.log; exit 1; }
	@touch $@

run: $(STAMP)      ## the main job: three strategies on real digits, one table, one figure
	@$(BIN)/cocogen run --dataset digits --strategy vcfl --strategy cocogen --strategy cocogen+ --out runs/first

test: $(STAMP)     ## every notebook is a test
	@$(BIN)/python -m pytest $(NBS) -n 2 --dist worksteal $(PYTEST)

test-deploy: $(STAMP) ## a consortium of processes on this machine: TLS, keys, deaths and lies
	@$(BIN)/python -m pytest tests/test_deploy.py $(PYTEST)

test-browser: $(STAMP) ## the explorers and the site in headless Chromium; screenshots in screens/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[browser]' > $(VENV)/browser.log 2>&1 || { grep -v '^WARNING' $(VENV)/browser.log; exit 1; }
	@for b in chromium chromium-browser google-chrome; do command -v $$b >/dev/null && exit 0; done; echo 'installing Chromium'; apt=$$(test $$(id -u) = 0 || echo sudo); { $$apt apt-get update -qq && $$apt apt-get install -y -qq chromium; } >/dev/null
	@test -f docs/_build/html/index.html || $(MAKE) docs
	@$(BIN)/python -m pytest tests/test_browser.py $(PYTEST)

bench: $(STAMP)    ## measured speeds, as notebooks that print what they measure
	@$(BIN)/python -m pytest nbs/benchmarks --flags slow -s

experiments: $(STAMP) ## every table and figure of the study; SCALE=smoke in minutes, SCALE=gpu at full scale; the same command continues
	@$(BIN)/cocogen study --scale $(SCALE) --out $(if $(filter cpu,$(SCALE)),nbs/experiments/results,runs/study-$(SCALE))
	@$(if $(filter cpu,$(SCALE)),COCOGEN_FIGURES=$(CURDIR)/nbs/experiments/results/figures $(BIN)/python -m pytest -q nbs/experiments)

readme: $(STAMP)   ## README.md from nbs/index.ipynb
	@$(BIN)/python docs/build.py readme

export: $(STAMP)   ## notebooks to modules, metadata removed
	@$(BIN)/nbdev-export && $(BIN)/nbdev-clean

docs: $(STAMP)     ## the site, in docs/_build
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sphinx 9 needs Python 3.11 or newer to build the site. Got: " + sys.version.split()[0])'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]' > $(VENV)/docs.log 2>&1 || { grep -v '^WARNING' $(VENV)/docs.log; exit 1; }
	@$(BIN)/python docs/build.py site

lint: $(STAMP)     ## exports in sync, notebooks clean, metadata in step
	@$(BIN)/python -m pytest tests/test_project.py

dist: $(STAMP)     ## a wheel and a source archive, checked, installed and tried
	@test "$(TAG)" = "v$$(sed -n 's/^version = //p' settings.ini)" || { echo "a release is tagged with the version of settings.ini. Got: $(TAG)"; exit 1; }
	@rm -rf dist && $(BIN)/python -m pip install --quiet --disable-pip-version-check build twine
	@$(BIN)/python -m build --outdir dist . > $(VENV)/dist.log 2>&1 || { tail -20 $(VENV)/dist.log; exit 1; }
	@$(BIN)/twine check --strict dist/*
	@rm -rf $(VENV)/try && $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/try dist/*.whl
	@cd $(VENV)/try && PYTHONPATH=. ../bin/python -c "import cocogen, cocogen.game as g; from cocogen.fl import calibration; assert cocogen.__file__.endswith('try/cocogen/__init__.py'); calibration('digits'); print('cocogen', cocogen.__version__, g.equilibrium(g.Game(g.Federation.simulate(5))))"

clean:
	rm -rf $(VENV) _proc docs/_build build dist screens *.egg-info
