#!/usr/bin/env python3
"""Prints what the program for a target is built from, as CycloneDX 1.6: sbom.py TARGET

Cargo says which crates get into the program; Cargo.lock has their checksums. SOURCE_DATE_EPOCH is the time of the list.
"""

import json
import os
import subprocess
import sys
import tomllib
from datetime import datetime, timezone


def crates(target):
    """Name, version and licence of each crate in the program, this package first."""
    tree = subprocess.run(
        [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--edges", "normal", "--target", target]
        + ["--prefix", "none", "--format", "{p}\t{l}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {}
    for line in tree.splitlines():
        package, _, licence = line.removesuffix(" (*)").partition("\t")
        name, version = package.split(" ")[:2]
        found.setdefault((name, version.removeprefix("v")), licence.removesuffix(" (*)"))
    return [(name, version, licence) for (name, version), licence in found.items()]


def component(name, version, licence, checksum):
    purl = f"pkg:cargo/{name}@{version}"
    described = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licence:
        described["licenses"] = [{"expression": " OR ".join(part.strip() for part in licence.split("/"))}]
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def main():
    with open("Cargo.lock", "rb") as file:
        checksums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(file)["package"]}
    (name, version, licence), *others = crates(sys.argv[1])
    program = component(name, version, licence, None) | {"type": "application"}
    time = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": program},
        "components": [component(*crate, checksums[crate[:2]]) for crate in sorted(others)],
    }
    json.dump(bom, sys.stdout, indent=2)
    print()


main()
