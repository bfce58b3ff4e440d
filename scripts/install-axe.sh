#!/bin/sh
# Prints the path of axe-core, by which the tests of the board look for what people who use a screen reader or a keyboard
# cannot use. Gets it from npm's registry where it is missing. `install-axe.sh --where` only prints the path.
set -eu

version=4.14.1
# `npm view axe-core@4.14.1 dist.integrity`, as hexadecimal digits.
sum=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5

folder=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/tools/axe-core-$version
if [ "${1-}" != --where ] && [ ! -e "$folder/axe.min.js" ]; then
    echo "install-axe: getting axe-core $version into $folder" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    npm pack --silent --pack-destination "$work" "axe-core@$version" >&2
    echo "$sum  $work/axe-core-$version.tgz" | sha512sum --check --quiet
    tar -xzf "$work/axe-core-$version.tgz" -C "$work" package/axe.min.js
    mkdir -p "$folder"
    mv "$work/package/axe.min.js" "$folder/axe.min.js"
fi
echo "$folder/axe.min.js"
