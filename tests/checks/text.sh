#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a compiler does not see: every source file opens with its licence line and a line that says what it knows,
# headers are guarded, and a public header exports what it declares.
set -euo pipefail
cd "$SOURCE_DIR"
bad=0
complain() { echo "$1: $2"; bad=1; }
while IFS= read -r file; do
  { read -r first; read -r second; } <"$file" || true
  [ "$first" = "// SPDX-License-Identifier: Apache-2.0" ] || complain "$file" "first line is not the licence"
  [[ $second == "// "* ]] || complain "$file" "second line does not say what the file knows"
  [[ $file != *.h ]] || grep -qx '#pragma once' "$file" || complain "$file" "no #pragma once"
  if [[ $file == */include/vpndoctor/*.h ]] && grep -q '^namespace vpndoctor' "$file"; then
    complain "$file" 'opens the namespace without [[gnu::visibility("default")]]'
  fi
done < <(find lib probes reports tools tests \( -name '*.cc' -o -name '*.h' \) | sort)
exit "$bad"
