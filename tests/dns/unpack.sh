#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# unpack.sh FOLDER: unpacks the daemons that the DNS tests run, with those of their libraries that are not installed,
# into FOLDER/usr and FOLDER/etc. They must not be installed: systemd-resolved's package replaces /etc/resolv.conf.
# A folder that is complete is left alone, and then no network is needed.
set -euo pipefail
program=tests/dns/unpack.sh
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tools/packages.sh"
daemons=(systemd-resolved libnss-resolve network-manager dbus-daemon dbus-system-bus-common)

# What apt would install: the daemons and what they depend on, in the versions that fit together.
wanted_packages() {
  local simulated
  simulated=$(apt-get -q -s install --no-install-recommends "${daemons[@]}")
  { sed -n 's/^Inst \([^ ]*\) .*/\1/p' <<<"$simulated"; printf '%s\n' "${daemons[@]}"; } | sort -u
}

download() {  # FOLDER
  local packages
  packages=$(wanted_packages)
  (cd "$1" && xargs apt-get -q download <<<"$packages")
}

unpack() {  # FOLDER
  local package place
  for package in "$1"/*.deb; do dpkg-deb -x "$package" "$1"; done
  # These folders are links into /usr on a machine, and not in every package.
  for place in lib bin sbin; do
    [ ! -d "$1/$place" ] || cp -a "$1/$place/." "$1/usr/$place/"
    rm -rf "${1:?}/$place"
  done
  rm -f "$1"/*.deb
}

folder=$1
[ ! -e "$folder/usr/lib/systemd/systemd-resolved" ] || exit 0
command -v dpkg-deb >/dev/null || { say "not Debian: the tests with DNS daemons are skipped"; exit 0; }
mkdir -p "$(dirname "$folder")"
unpacked=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$unpacked"' EXIT
# The package lists may be missing, or older than a point release.
download "$unpacked" >/dev/null 2>&1 || { read_package_lists; step "downloading the DNS daemons" download "$unpacked"; }
mkdir -p "$unpacked/usr/lib" "$unpacked/usr/bin" "$unpacked/usr/sbin"
step "unpacking the DNS daemons" unpack "$unpacked"
chmod 755 "$unpacked"
mv -T "$unpacked" "$folder"
