# Every target does all its own set-up and may be the first thing run after a clone.
#
#   PYTHON=python3.12   the interpreter to make .venv with (3.11 or newer)
#   ARGS="…"            passed on to demo, bench and campaigns

SHELL = /bin/sh
.DEFAULT_GOAL = help
.PHONY: help setup demo test lint format bench docs messages man lock clean

export PYTHON
run = .venv/bin/python

help:
	@echo 'make demo          the whole story, and a page of it in demo-out/'
	@echo 'make test          ruff, mypy, and every test with coverage'
	@echo 'make lint          ruff and mypy only'
	@echo 'make format        let ruff put the sources in order'
	@echo 'make bench         figures as ratios to a floor measured in the same run'
	@echo 'make campaign-NAME a long run (fuzzing, soak) kept in campaigns/NAME.py'
	@echo 'make docs          the documentation, into build/docs'
	@echo 'make messages      the catalogues of messages, with what is missing in them'
	@echo 'make man           the manual pages, into build/man'
	@echo 'make lock          the lock files, from pyproject.toml (UPGRADE=1: newest versions)'
	@echo 'make clean         remove all that the targets above made'

setup:
	@sh scripts/setup.sh

demo: setup
	@$(run) examples/demo $(ARGS)

test: setup
	@sh scripts/check.sh test

lint: setup
	@sh scripts/check.sh lint

format: setup
	@$(run) -m ruff check --quiet --fix-only .
	@$(run) -m ruff format --quiet .

bench: setup
	@$(run) -m bench $(ARGS)

campaign-%: setup
	@test -f campaigns/$*.py || { echo "there is no campaigns/$*.py; see 'ls campaigns'" >&2; exit 2; }
	@$(run) campaigns/$*.py $(ARGS)

docs:
	@sh scripts/setup.sh docs
	@$(run) -m sphinx --quiet --fail-on-warning --keep-going docs build/docs
	@echo 'build/docs/index.html'

messages: setup
	@$(run) scripts/messages.py --update

man: setup
	@$(run) -m eds_cli man build/man

lock: setup
	@sh scripts/lock.sh

clean:
	rm -rf .venv .venv-lock .setup.lock build demo-out dist .coverage .coverage.* \
	    .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
