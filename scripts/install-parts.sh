#!/bin/sh
# Installs what is missing from Debian: install-parts.sh PART..., where a part is a program that has a package of its own
# name, or PROGRAM=PACKAGE. Does nothing when all of them are there.
set -eu

# Where Debian keeps servers; a user's PATH may not have it.
PATH="$PATH:/usr/sbin"

missing=""
for part in "$@"; do
    command -v "${part%%=*}" >/dev/null 2>&1 || missing="$missing ${part#*=}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "install-parts: please install$missing; only Debian's apt-get is known here" >&2
    exit 1
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "install-parts: please install$missing as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi

echo "install-parts: installing$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a word for each part
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
