#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every option that --help names is in a man page, the command's own or vpndoctor(1) for what all commands share, and
# no page documents an option that is not there.
set -euo pipefail
cd "$SOURCE_DIR"
tool=$BUILD_DIR/bin/vpndoctor
below() { "$tool" "$@" --help | sed -n '/^Subcommands:/,$p' | awk '/^  [a-z]/ {print $1}'; }
own_help_of() { "$tool" "$@" --help | sed -nE 's/^ +(-.*)/\1/p' | sed -E 's/  .*//' | grep -oE -- '(^|[ ,])--?[A-Za-z0-9][a-z0-9-]*' | tr -d ' ,' | sort -u; }
# The options of a command, and of the commands below it.
help_of() { { own_help_of "$@"; [ $# = 0 ] || for below in $(below "$@"); do own_help_of "$@" "$below"; done; } | sort -u; }
# In mdoc, Fl holds for every word up to the next macro.
page() { sed -nE 's/^\.It Fl //p' "man/$1.1" | sed -E 's/ (Ar|Cm|Op|Sm|Oo) .*//' | tr ' ' '\n' | grep -vE '^(,|\||Fl|)$' | sed 's/^/-/' | sort -u; }
bad=0
expect_none() {  # TITLE; names on stdin
  local names
  names=$(tr '\n' ' ')
  [ -z "$names" ] || { echo "$1: $names"; bad=1; }
}
mapfile -t commands < <(below)
[ "${#commands[@]}" -gt 0 ] || { echo "vpndoctor --help names no command"; exit 1; }
everything=$(help_of)
for command in "${commands[@]}"; do
  everything+=$'\n'$(help_of "$command")
  grep -qE "^\.It (Cm|Ic) $command" man/vpndoctor.1 || { echo "vpndoctor(1) lacks the command $command"; bad=1; }
  own=man/vpndoctor-$command.1
  documented=$(page vpndoctor; [ ! -e "$own" ] || page "vpndoctor-$command")
  expect_none "no page documents, of vpndoctor $command" < <(comm -23 <(help_of "$command") <(sort -u <<<"$documented"))
  [ ! -e "$own" ] || expect_none "$own documents what is not there" < <(comm -13 <(help_of "$command") <(page "vpndoctor-$command"))
done
expect_none "vpndoctor(1) lacks" < <(comm -23 <(help_of) <(page vpndoctor))
expect_none "vpndoctor(1) documents what is not there" < <(comm -13 <(sort -u <<<"$everything") <(page vpndoctor))
exit "$bad"
