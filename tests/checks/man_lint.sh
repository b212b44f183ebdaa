#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The man pages are right mdoc, and every command of the program has one.
set -euo pipefail
command -v mandoc >/dev/null || { echo "skipped: mandoc is not installed"; exit 77; }
cd "$SOURCE_DIR"
mandoc -Tlint -Wwarning man/*.[1-8]
