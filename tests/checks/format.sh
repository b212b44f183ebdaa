#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every C++ file is formatted as .clang-format says.
set -euo pipefail
command -v clang-format-19 >/dev/null || { echo "skipped: clang-format-19 is not installed"; exit 77; }
cd "$SOURCE_DIR"
find lib probes reports tools tests \( -name '*.cc' -o -name '*.h' \) -print0 |
  xargs -0 -r clang-format-19 --dry-run --Werror --ferror-limit=1
