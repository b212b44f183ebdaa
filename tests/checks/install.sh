#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs to a temporary prefix and uses the result as a stranger would: the tool runs, every header compiles alone,
# and a program builds and runs by find_package() and by pkg-config.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
say() { echo "-- $*"; }

say install
cmake --install "$BUILD_DIR" --prefix "$prefix" >"$work/log" || { cat "$work/log"; exit 1; }
libdir=$(dirname "$(find "$prefix" -name libvpndoctor.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig

say "the tool runs from its prefix"
version=$("$prefix/bin/vpndoctor" --version)
[[ $version == *"$(pkg-config --modversion vpndoctor)"* ]]
[ "$(objdump -p "$libdir/libvpndoctor.so" | awk '$1 == "SONAME" {print $2}')" = "libvpndoctor.so.$(pkg-config --modversion vpndoctor)" ]

say "pages and schema are there"
ls "$prefix/share/man/man1/vpndoctor.1" "$prefix/share/man/man1/vpndoctor-mtu.1" "$prefix/share/man/man1/vpndoctor-dns.1" \
  "$prefix/share/man/man1/vpndoctor-leaks.1" \
  "$prefix/share/man/man7/vpndoctor-codes.7" "$prefix"/share/vpndoctor/schema/*.json >/dev/null

say "every public header compiles alone"
flags=$(pkg-config --cflags vpndoctor)
for header in "$prefix"/include/vpndoctor/*.h; do
  echo "#include \"vpndoctor/${header##*/}\"" >"$work/$(basename "$header").cc"
done
printf '%s\0' "$work"/*.h.cc | xargs -0 -P2 -n1 g++ -std=c++23 -fsyntax-only -Wall -Wextra -Werror $flags

say "pkg-config"
g++ -std=c++23 $flags -o "$work/by-pkg-config" "$SOURCE_DIR/tests/checks/consumer/main.cc" $(pkg-config --libs vpndoctor)
LD_LIBRARY_PATH=$libdir "$work/by-pkg-config"

say "find_package"
cmake -S "$SOURCE_DIR/tests/checks/consumer" -B "$work/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" ||
  { cat "$work/log"; exit 1; }
cmake --build "$work/consumer" >"$work/log" || { cat "$work/log"; exit 1; }
"$work/consumer/consumer"
