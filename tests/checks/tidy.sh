#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy over one source file: tidy.sh FILE.
set -euo pipefail
command -v clang-tidy-19 >/dev/null || { echo "skipped: clang-tidy-19 is not installed"; exit 77; }
cd "$SOURCE_DIR"
clang-tidy-19 -p "$BUILD_DIR" --quiet "$1" 2>&1 | grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' || true
exit "${PIPESTATUS[0]}"
