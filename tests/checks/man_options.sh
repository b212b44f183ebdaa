#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every option that a command's --help names is in the command's man page, and the page names no other.
set -euo pipefail
command -v mandoc >/dev/null || { echo "skipped: mandoc is not installed"; exit 77; }
cd "$SOURCE_DIR"
options() { grep -oE '(^|[][ ,|(=])--?[A-Za-z0-9][a-z0-9-]*' | grep -oE -- '--?[A-Za-z0-9].*' | sort -u; }
page() { mandoc -Tascii -Owidth=200 "man/$1.1" | col -b; }
# Only what a list item opens with counts as documented; prose may name options of other programs.
documented() { page "$1" | grep -E '^ {3,8}-' | options; }
bad=0
compare() {  # PAGE [COMMAND...]
  local name=$1; shift
  local missing extra
  missing=$(comm -23 <("$BUILD_DIR/bin/vpndoctor" "$@" --help | grep -E '^ +-' | sed -E 's/(  +[A-Z].*)$//' | options) <(documented "$name"))
  extra=$(comm -13 <("$BUILD_DIR/bin/vpndoctor" "$@" --help | options) <(documented "$name"))
  [ -z "$missing" ] || { echo "man/$name.1 lacks:" $missing; bad=1; }
  [ -z "$extra" ] || { echo "man/$name.1 documents what vpndoctor $* has not:" $extra; bad=1; }
}
for file in man/vpndoctor-*.1; do
  name=$(basename "$file" .1)
  compare "$name" "${name#vpndoctor-}"
done
exit "$bad"
