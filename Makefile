# make demo | test | lint | types | clean: each installs what it needs into .venv first.
PYTHON ?= $(firstword $(shell command -v python3.11 2>/dev/null) $(shell command -v python3 2>/dev/null))
LIMIT ?= 2
BIN := .venv/bin
INSTALLED := .venv/installed
export MPLBACKEND := Agg

.PHONY: demo test lint types clean
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

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy looks for nco.problems inside nco/: build/types holds links that put it there, and a module
# that assigns every problem folder's parts to their Protocols.
types: $(INSTALLED)
	rm -rf build/types
	mkdir -p build/types/nco
	cd build/types/nco && ln -s ../../../nco/* ../../../problems ../../../models ../../../configs .
	$(BIN)/python tests/registry/typed_folders.py > build/types/nco/typed_folders.py
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml \
		--cache-dir ../../.mypy_cache -p nco

clean:
	rm -rf .venv build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache
