#!/bin/sh
# Assembles the root file system of the container image: make-root.sh ROOT TIDEGATE
#
# Runs on Debian with git, openssh-client and ca-certificates installed: in a stage of the Dockerfile, and in the test that
# runs the result. Copies the programs that Tidegate runs, the libraries that these need, and nothing else: no package
# manager, no coreutils. Git passes its ssh command to `sh -c`, so `dash` is there.
set -eu

root=$1
tidegate=$2

uid=65532
programs="/usr/bin/git /usr/bin/ssh /usr/bin/ssh-keygen /usr/bin/ssh-keyscan /usr/lib/git-core/git-remote-http /bin/dash"

mkdir -p "$root"/dev "$root"/proc "$root"/sys "$root"/etc/ssl/certs "$root"/etc/tidegate "$root"/usr/bin "$root"/usr/lib/git-core "$root"/tmp \
    "$root"/var/lib/dpkg/status.d "$root"/var/lib/tidegate
# As Debian has them.
for folder in bin lib lib64; do
    mkdir -p "$root/usr/$folder"
    ln -s "usr/$folder" "$root/$folder"
done
chmod 1777 "$root"/tmp

packages=$(mktemp)
trap 'rm -f "$packages"' EXIT

# Copies a file of a package, with the name that leads to it, and notes the package.
take() {
    file=$(readlink -f "$1")
    mkdir -p "$root${file%/*}" "$root${1%/*}"
    [ -e "$root$file" ] || cp --preserve=mode "$file" "$root$file"
    [ -e "$root$1" ] || [ -L "$root$1" ] || ln -s "$file" "$root$1"
    # Debian lists some files by the path that they had before /lib and /bin became links into /usr.
    owner=$(dpkg --search "$file" 2>/dev/null || dpkg --search "${file#/usr}" 2>/dev/null || true)
    [ -n "$owner" ] || { echo "make-root: $1 belongs to no package" >&2; exit 1; }
    echo "${owner%%:*}" >>"$packages"
}

libraries() {
    ldd "$1" 2>/dev/null | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }'
}

for program in $programs; do
    take "$program"
    for library in $(libraries "$program"); do take "$library"; done
done
for library in $(libraries "$tidegate"); do take "$library"; done
install -m 755 "$tidegate" "$root/usr/bin/tidegate"

# One file under several names.
ln -sf dash "$root/bin/sh"
ln -sf git-remote-http "$root/usr/lib/git-core/git-remote-https"
ln -sf ../../bin/git "$root/usr/lib/git-core/git"

cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo ca-certificates >>"$packages"

# ssh refuses a user that has no name.
cat >"$root/etc/passwd" <<EOF
root:x:0:0:root:/:/sbin/nologin
tidegate:x:$uid:$uid:Tidegate:/var/lib/tidegate:/sbin/nologin
EOF
printf 'root:x:0:\ntidegate:x:%s:\n' "$uid" >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chown "$uid:$uid" "$root/var/lib/tidegate"

# Licences, and what a scanner needs to know the packages by.
sort -u "$packages" | while read -r package; do
    mkdir -p "$root/usr/share/doc/$package"
    cp --dereference "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
    dpkg-query --status "$package" | sed '/^Conffiles:/,/^[A-Z]/ { /^Conffiles:/d; /^ /d; }' \
        >"$root/var/lib/dpkg/status.d/$package"
done
