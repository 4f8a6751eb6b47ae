#!/bin/sh
# Write the lock files anew from pyproject.toml.
#
# Versions already locked stay unless pyproject.toml rules them out; UPGRADE=1 takes the newest.
# One lock serves every supported Python and system (markers tell them apart). The files hold a
# hash for each archive and no address: where packages come from is the machine's own affair.

set -eu
cd "$(dirname "$0")/.."

# The resolver is used here only, so it has an environment of its own, locked like the rest.
if [ ! -x .venv-lock/bin/uv ]; then
    .venv/bin/python -m venv .venv-lock
fi
.venv-lock/bin/python -m pip --disable-pip-version-check --quiet install \
    --require-hashes -r scripts/lock-tool.lock </dev/null

lock() {
    output=$1
    shift
    .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
        --fork-strategy fewest --generate-hashes \
        --no-header --no-emit-index-url --no-emit-find-links \
        ${UPGRADE:+--upgrade} --output-file "$output" "$@" </dev/null
    printf 'locked %s: %s packages\n' "$output" "$(grep -c '^[a-zA-Z0-9]' "$output")"
}

lock requirements.lock pyproject.toml --extra dev
# The documentation's packages join the same environment, hence the constraint.
lock requirements-docs.lock pyproject.toml --extra docs --constraint requirements.lock
lock scripts/lock-tool.lock scripts/lock-tool.in
