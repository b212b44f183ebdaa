#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs one scenario in the lab, scenario.sh FILE, and holds what the tool printed to the JSON schema.
set -euo pipefail
answers=$(mktemp -d)
trap 'rm -rf "$answers"' EXIT
status=0
"$BUILD_DIR/bin/vpndoctor-lab" test --tool "$BUILD_DIR/bin/vpndoctor" --keep "$answers" "$1" || status=$?
if [ "$status" = 1 ]; then head -c 20000 "$answers"/*; fi
[ "$status" = 0 ] || exit "$status"
python3 "$SOURCE_DIR/tests/validate_json.py" "$SOURCE_DIR"/reports/schema/report-1.schema.json "$answers"/*.json
