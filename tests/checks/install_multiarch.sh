#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With the prefix /usr, files go where Debian expects them: the library to the multiarch folder, without a run path.
set -euo pipefail
[ -e /etc/debian_version ] || { echo "skipped: not a Debian machine"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S "$SOURCE_DIR" -B "$work/build" -G Ninja -DCMAKE_INSTALL_PREFIX=/usr -DVPNDOCTOR_TESTS=OFF -DVPNDOCTOR_LAB=OFF \
  >"$work/log" || { cat "$work/log"; exit 1; }
script=$work/build/cmake_install.cmake
triplet=$(g++ -print-multiarch)
grep -q "PREFIX}/lib/$triplet\" TYPE SHARED_LIBRARY" "$script" || { echo "the library does not go to /usr/lib/$triplet"; exit 1; }
grep -q "PREFIX}/lib/$triplet/pkgconfig" "$script" || { echo "vpndoctor.pc does not go to /usr/lib/$triplet/pkgconfig"; exit 1; }
grep -q 'PREFIX}/share/man/man1"' "$script" || { echo "man pages do not go to /usr/share/man"; exit 1; }
! grep -q 'ORIGIN' "$script" || { echo "an install to /usr has a run path"; exit 1; }
