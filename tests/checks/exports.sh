#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The shared library exports what the public headers declare and nothing else of ours.
set -euo pipefail
library=$BUILD_DIR/bin/libvpndoctor.so
exported=$(nm -DC --defined-only "$library" | awk '$2 ~ /[TBDR]/ {sub(/^[^ ]+ . /, ""); print}')
[ -n "$exported" ] || { echo "$library exports nothing"; exit 1; }
bad=0
while IFS= read -r name; do
  [[ $name == vpndoctor::* ]] || { echo "exported, not ours: $name"; bad=1; continue; }
  # The first word after the namespace: a function, or the class that a member belongs to.
  word=${name#vpndoctor::}; word=${word%%(*}; word=${word%%::*}; word=${word%%\[abi*}
  grep -qrw -- "$word" "$SOURCE_DIR"/{lib,probes,reports}/include || { echo "exported, in no public header: $name"; bad=1; }
done <<<"$exported"
exit "$bad"
