# SPDX-License-Identifier: Apache-2.0
# Sourced by tools/run and tests/run: which Debian packages the build and the tests need, and how steps report
# themselves (as $program). A machine that has everything is not touched and needs no network.

build_packages=(g++ cmake ninja-build pkgconf libfmt-dev nlohmann-json3-dev libcli11-dev libnl-3-dev libnl-genl-3-dev
  libpcap-dev libidn2-dev libsimdjson-dev libc-ares-dev libsystemd-dev)
# The oracles that tests compare with, the daemons that the lab runs, and the code checks.
test_packages=(libgtest-dev clang-format-19 clang-tidy-19 mandoc python3 python3-jsonschema iproute2
  nftables iputils-ping openssl openvpn wireguard-go wireguard-tools dnsmasq-base
  isc-dhcp-client dhcpcd-base iptables openssh-client tcpdump tshark ethtool)

say() { echo "$program: $*" >&2; }

# Runs a step with one line of progress, or none when it has no title; its output is shown only when it fails.
step() {  # TITLE COMMAND...
  local title=$1 log status=0
  shift
  log=$(mktemp)
  [ -z "$title" ] || say "$title"
  "$@" >"$log" 2>&1 || status=$?
  [ "$status" = 0 ] || { tail -n 200 "$log" >&2; say "failed: $*"; }
  rm -f "$log"
  return "$status"
}

missing_packages() {  # PACKAGE...
  local package
  for package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

# Sets `apt` to the command with which packages are handled as root.
require_apt() {  # WHAT-FOR
  local root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { say "run as root, or $1"; return 1; }
    root=(sudo)
  fi
  apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
}

read_package_lists() {
  local apt
  require_apt "apt-get update"
  step "apt: reading the package lists" "${apt[@]}" update
}

install_missing() {  # PACKAGE...
  command -v dpkg-query >/dev/null || { say "not Debian: assuming that these are installed: $*"; return; }
  local missing apt
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  require_apt "install: ${missing[*]}"
  step "apt: reading the package lists" "${apt[@]}" update
  step "apt: installing ${missing[*]}" "${apt[@]}" install --no-install-recommends "${missing[@]}"
}
