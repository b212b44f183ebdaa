#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy over one source file: tidy.sh FILE.
set -euo pipefail
command -v clang-tidy-19 >/dev/null || { echo "skipped: clang-tidy-19 is not installed"; exit 77; }
cd "$SOURCE_DIR"
status=0
said=$(clang-tidy-19 -p "$BUILD_DIR" --quiet "$1" 2>&1) || status=$?
grep -vE '^[0-9]+ warnings? (and [0-9]+ errors? )?(generated|treated)|^Suppressed|^Use -header-filter' <<<"$said" || true
exit "$status"
