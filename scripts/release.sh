#!/bin/sh
# Makes what is published of one version, in dist/: an archive for each target, with completions, manual pages and systemd files;
# checksums; a list of what is in the program (CycloneDX); the version's section of the changelog.
#
# TARGETS names the targets: x86_64-unknown-linux-musl without it. aarch64-unknown-linux-musl needs aarch64-linux-musl-gcc.
# The same commit and compiler give the same bytes: paths are cut, and all times are that of the commit.
set -eu
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
targets=${TARGETS:-x86_64-unknown-linux-musl}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

dirty=""
[ -z "$(git status --porcelain --untracked-files=no)" ] || dirty="-dirty"
TIDEGATE_COMMIT="$(git rev-parse HEAD)$dirty"
TIDEGATE_COMMITTED_AT=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)
TIDEGATE_COMPILER=$(rustc --version)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
RUSTFLAGS="--remap-path-prefix=$PWD=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo ${RUSTFLAGS-}"
export TIDEGATE_COMMIT TIDEGATE_COMMITTED_AT TIDEGATE_COMPILER SOURCE_DATE_EPOCH RUSTFLAGS

rm -rf dist
mkdir dist

for target in $targets; do
    case $target in
    x86_64-unknown-linux-musl) scripts/install-parts.sh musl-gcc=musl-tools ;;
    aarch64-unknown-linux-musl)
        command -v aarch64-linux-musl-gcc >/dev/null || { echo "release: $target needs aarch64-linux-musl-gcc" >&2; exit 1; }
        export CC_aarch64_unknown_linux_musl=aarch64-linux-musl-gcc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=aarch64-linux-musl-gcc
        ;;
    esac
    rustup target add "$target"
    "$cargo" build --release --locked --target "$target"
    program=${CARGO_TARGET_DIR:-target}/$target/release/tidegate
    # A static program has no interpreter, and so runs on any Linux.
    if readelf --program-headers "$program" | grep -q INTERP; then
        echo "release: $program is not static" >&2
        exit 1
    fi

    name=tidegate-v$version-$target
    folder=dist/$name
    mkdir -p "$folder/completions" "$folder/man" "$folder/systemd"
    cp "$program" README.md LICENSE CHANGELOG.md "$folder/"
    cp deploy/systemd/* "$folder/systemd/"
    scripts/sbom.py "$target" >"dist/$name.cdx.json"
    # Only what runs here can write its completions and manual pages; they are the same for every target.
    if [ "${target%%-*}" = "$(uname -m)" ]; then
        for shell in bash zsh fish; do "$program" completions $shell >"$folder/completions/tidegate.$shell"; done
        "$program" man-pages "$folder/man"
        "$program" version
    fi
    tar --create --gzip --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --directory dist --file "dist/$name.tar.gz" "$name"
    rm -r "$folder"
done

# The section of the version, or what is not released yet.
section() { awk -v heading="## [$1]" 'index($0, "## [") == 1 { on = index($0, heading) == 1; next } on' CHANGELOG.md; }
section "$version" >dist/CHANGELOG.md
[ -s dist/CHANGELOG.md ] || section Unreleased >dist/CHANGELOG.md

(cd dist && sha256sum -- *.tar.gz *.cdx.json >SHA256SUMS)
ls -l dist
