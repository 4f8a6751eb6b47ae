#!/bin/sh
# Prepare this checkout: Debian packages, a virtual environment in .venv, the locked
# dependencies, and the project itself in editable form.
#
# Safe to run at any time, also by several processes at once. What is already in place is
# left alone, so the second run costs a fraction of a second and prints nothing.
#
#   scripts/setup.sh           the environment for running, testing and checking
#   scripts/setup.sh docs      the same, and what builds the documentation
#
# PYTHON=python3.12 chooses the interpreter (3.11 or newer); another choice rebuilds .venv.

set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
venv=$root/.venv

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# Run a command without a word; where it fails, show what it said.
quietly() {
    output=$(mktemp)
    status=0
    "$@" >"$output" 2>&1 </dev/null || status=$?
    [ "$status" = 0 ] || cat "$output" >&2
    rm -f "$output"
    return "$status"
}

# --- one at a time --------------------------------------------------------------------------

# Two `make` in one checkout must not build the same .venv. The lock dies with the process.
if [ "${EDS_SETUP_LOCKED:-}" != yes ] && command -v flock >/dev/null 2>&1; then
    EDS_SETUP_LOCKED=yes exec flock .setup.lock sh scripts/setup.sh "$@"
fi

# --- Debian packages ------------------------------------------------------------------------

is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt() {
    # Another apt may be at work (unattended upgrades on a fresh machine): wait for it.
    DEBIAN_FRONTEND=noninteractive apt-get --quiet --assume-yes \
        -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" </dev/null
}

# `apt-get update` does not wait for the lock on the package lists, so it is tried again.
apt_update() {
    tries=0
    until apt update; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || return 1
        sleep 15
    done
}

apt_install() {
    say "installing Debian packages: $*"
    quietly apt_update && quietly apt install --no-install-recommends "$@"
}

has_debian() { command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

debian_packages() {
    missing=
    for package in $(sed 's/#.*//' scripts/debian-packages.txt); do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if is_root; then
        # shellcheck disable=SC2086  # a list of package names
        apt_install $missing || say "going on without$missing; the tests that need them will skip"
    else
        say "missing:$missing; the tests that need them will skip." \
            "To have them: sudo apt-get install$missing"
    fi
}

other_system() {
    for program in openssl softhsm2-util pkcs11-tool p11-kit; do
        command -v "$program" >/dev/null 2>&1 ||
            say "not found: $program; the tests that need it will skip." \
                "Install openssl, SoftHSM 2, OpenSC and p11-kit with this system's package manager."
    done
}

if has_debian; then debian_packages; else other_system; fi

# --- Python ---------------------------------------------------------------------------------

# Print the full name of an interpreter if it runs and is new enough.
usable() {
    "$1" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' \
        2>/dev/null </dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        usable "$candidate" && return
    done
    fail "no Python 3.11 or newer was found; install one, or name it: make test PYTHON=/path/to/python3"
}

# Debian keeps the part of Python that makes virtual environments in a package of its own.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null </dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    has_debian || fail "$1 has no venv module; install it and run this again"
    is_root || fail "$1 has no venv module. Run: sudo apt-get install $package"
    apt_install "$package" || fail "$1 has no venv module and $package could not be installed"
}

# --- layers ---------------------------------------------------------------------------------

# Each layer of .venv leaves a stamp: what it was made from. A layer whose stamp still tells the
# truth is left alone; contents are compared, not times, so a fresh checkout is no reason to work.
is_current() { [ "$(cat "$venv/stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s\n' "$2" >"$venv/stamps/$1"; }

pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input --quiet \
        --retries 10 --timeout 60 "$@"
}

# The lock is the whole answer, so nothing is resolved (--no-deps): a resolver meets `name[extra]`
# in some package's metadata, tries the newest release, and fails on the missing hash the day one
# appears. `pip check` says whether the lock was whole indeed.
install_locked() {
    quietly pip install --require-hashes --no-deps --prefer-binary --compile -r "$1" ||
        fail "could not install what $1 lists (see above)"
    quietly pip check || fail "$1 is not whole (see above): run make lock"
}

# An environment cannot be moved, so the folder is part of the stamp. A Python is looked for
# only where there is none yet, or where one was asked for by name.
made_from="root $root"
if [ -n "${PYTHON:-}" ]; then
    python=$(find_python)
    made_from="$made_from
python $python"
elif [ -f "$venv/stamps/venv" ]; then
    made_from="$made_from
$(sed -n '/^python /p' "$venv/stamps/venv")"
fi
if ! is_current venv "$made_from" || ! "$venv/bin/python" -c '' 2>/dev/null; then
    python=${python:-$(find_python)}
    need_venv "$python"
    say "making .venv with $("$python" --version) ($python)"
    rm -rf "$venv"
    quietly "$python" -m venv "$venv" || fail "could not make .venv with $python (see above)"
    mkdir "$venv/stamps"
    stamp venv "root $root
python $python"
fi

made_from=$(cksum requirements.lock)
if ! is_current requirements "$made_from"; then
    say "installing the locked packages"
    install_locked requirements.lock
    stamp requirements "$made_from"
    rm -f "$venv/stamps/project" "$venv/stamps/docs"
fi

made_from=$(cksum pyproject.toml)
if ! is_current project "$made_from"; then
    say "installing the project itself"
    quietly pip install --no-deps --no-build-isolation --editable . ||
        fail "could not install the project (see above)"
    stamp project "$made_from"
fi

if [ "${1:-}" = docs ]; then
    made_from=$(cksum requirements-docs.lock)
    if ! is_current docs "$made_from"; then
        say "installing what builds the documentation"
        install_locked requirements-docs.lock
        stamp docs "$made_from"
    fi
fi
