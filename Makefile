# make demo | test | tests | coverage | docs | picture | lint | types | clean: each installs what it needs into .venv first.
PYTHON ?= $(firstword $(shell command -v python3.11 2>/dev/null) $(shell command -v python3 2>/dev/null))
LIMIT ?= 2
BIN := .venv/bin
INSTALLED := .venv/installed
export MPLBACKEND := Agg
# or each of the tests' many processes would compile our modules
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick tests checks coverage docs picture lint links types clean
.DEFAULT_GOAL := test

$(INSTALLED): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt torch==$(shell sed -n 's/^torch==//p' constraints.txt)
	$(BIN)/python -m pip install -c constraints.txt -e '.[solvers,dev,docs]'
	touch $@

# Two bundled files, solved by the shipped networks alone; then beside OR-Tools at LIMIT seconds.
demo: $(INSTALLED)
	mkdir -p demo
	$(BIN)/nco solve example:capitals.tsp --plot demo/capitals.png
	$(BIN)/nco solve example:cities.vrp --plot demo/cities.png
	$(BIN)/nco benchmark --files example:capitals.tsp example:cities.vrp --solvers nco-neural,nco,ortools \
		--time_limits $(LIMIT) --output demo
	@echo "Pictures and the table: demo/"

# Before a commit: all that is quick. mypy has the time that the tests leave of the cores, with the
# least priority.
test: lint
	$(MAKE) -j 2 quick checks

quick: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow and not long"

# Every test but those that take minutes each; .ci/run asks for the same, by `make coverage`.
tests: $(INSTALLED)
	$(BIN)/python -m pytest

checks: $(INSTALLED)
	nice -n 19 $(MAKE) types

# The tests, and which lines and branches they run (not in child processes): 40 % slower than without.
coverage: $(INSTALLED)
	$(BIN)/python -m pytest --cov --cov-report=term

# The site, docs/_build/html/index.html; a warning is an error.
docs: $(INSTALLED)
	$(BIN)/python docs/generate.py
	$(BIN)/python benchmarks/results.py
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html

# The README's picture and the figures behind it: two minutes of a quiet machine.
picture: $(INSTALLED)
	$(BIN)/nco benchmark --files example:random100.vrp --solvers nco,nco-neural,pyvrp,ortools \
		--time_limits 10 --output demo/random100
	$(BIN)/python benchmarks/picture.py demo/random100 docs/_static/picture.svg
	$(BIN)/python benchmarks/results.py --add demo/random100 --readme README.md

lint: $(INSTALLED) links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd build/links && PYTHONPATH=. ../../$(BIN)/lint-imports ../../pyproject.toml --no-cache

# problems/ and models/ lie at the top but are parts of nco: build/links holds the package as it is
# installed, for tools that read files; typed_folders.py assigns every problem folder's parts to
# their Protocols, for mypy.
links:
	rm -rf build/links
	mkdir -p build/links/nco
	cd build/links/nco && ln -s ../../../nco/* ../../../problems ../../../models ../../../configs .

# A module assigns every problem folder's parts to their Protocols; mypy checks it with the others.
types: $(INSTALLED) links
	$(BIN)/python tests/registry/typed_folders.py > build/links/nco/typed_folders.py
	cd build/links && ../../$(BIN)/mypy --config-file ../../pyproject.toml \
		--cache-dir ../../.mypy_cache -p nco

clean:
	rm -rf .venv build dist demo docs/_build docs/generated docs/api/modules *.egg-info .mypy_cache .ruff_cache .pytest_cache
