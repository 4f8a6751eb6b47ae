#!/bin/sh
# Run every check, even after one has failed, and say at the end which did.
#
#   scripts/check.sh lint    ruff (lint and format) and mypy
#   scripts/check.sh test    the same, then the tests with coverage

set -u
cd "$(dirname "$0")/.."
python=.venv/bin/python
failed=

step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" </dev/null && return
    printf '== %s: FAILED (status %s)\n' "$name" "$?"
    failed="$failed${failed:+, }$name"
}

sources=
for folder in src cli tests bench campaigns examples scripts; do
    # Only folders that hold Python: mypy refuses others.
    [ -z "$(find "$folder" -name '*.py' 2>/dev/null | head -n 1)" ] || sources="$sources $folder"
done

step 'ruff check' $python -m ruff check --quiet .
step 'ruff format' $python -m ruff format --quiet --check .
# shellcheck disable=SC2086  # a list of folders
step 'mypy' $python -m mypy --no-error-summary $sources

if [ "$1" = test ]; then
    # One worker for each core; coverage adds up what they and the processes they start ran.
    step 'pytest' $python -m pytest --numprocesses auto --dist worksteal \
        --cov --cov-report term
fi

if [ -n "$failed" ]; then
    printf '\nFAILED: %s\n' "$failed"
    exit 1
fi
printf '\nall checks passed\n'
