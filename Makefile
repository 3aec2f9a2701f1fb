# make demo | test | lint | types | clean: each installs what it needs into .venv first.
PYTHON ?= $(firstword $(shell command -v python3.11 2>/dev/null) $(shell command -v python3 2>/dev/null))
LIMIT ?= 2
BIN := .venv/bin
INSTALLED := .venv/installed
export MPLBACKEND := Agg

.PHONY: demo test lint links types clean
.DEFAULT_GOAL := test

$(INSTALLED): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt torch==$(shell sed -n 's/^torch==//p' constraints.txt)
	$(BIN)/python -m pip install -c constraints.txt -e '.[solvers,dev]'
	touch $@

# Two bundled files, solved by the shipped networks alone; then beside OR-Tools at LIMIT seconds.
demo: $(INSTALLED)
	mkdir -p demo
	$(BIN)/nco solve example:capitals.tsp --plot demo/capitals.png
	$(BIN)/nco solve example:cities.vrp --plot demo/cities.png
	$(BIN)/nco benchmark --files example:capitals.tsp example:cities.vrp --solvers nco-neural,nco,ortools \
		--time_limits $(LIMIT) --output demo
	@echo "Pictures and the table: demo/"

test: lint types
	$(BIN)/python -m pytest

lint: $(INSTALLED) links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd build/links && PYTHONPATH=. ../../$(BIN)/lint-imports ../../pyproject.toml --no-cache

# problems/ and models/ lie at the top but are parts of nco: build/links holds the package as it is
# installed, for tools that read files.
links:
	rm -rf build/links
	mkdir -p build/links/nco
	cd build/links/nco && ln -s ../../../nco/* ../../../problems ../../../models ../../../configs .

types: $(INSTALLED) links
	cd build/links && ../../$(BIN)/mypy --config-file ../../pyproject.toml \
		--cache-dir ../../.mypy_cache -p nco

clean:
	rm -rf .venv build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache
