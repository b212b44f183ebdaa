#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sums up ctest's JUnit files: what failed with its output, what was skipped and why, and one closing line."""
import re
import sys
import xml.etree.ElementTree as ElementTree


def cases(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "?", file.read())  # bytes that XML has no place for
    return ElementTree.fromstring(text).iter("testcase")


def skip_reason(output):
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    after = [lines[i + 1] for i, line in enumerate(lines[:-1]) if re.search(r": Skipped$", line)]  # GoogleTest
    said = [line for line in lines if line.lower().startswith("skipped")]
    return re.sub(r"^skipped: ", "", (after or said or lines[-1:] or ["no reason given"])[0])


def main():
    passed, failed, skipped = 0, 0, {}
    for path in sys.argv[1:]:
        for case in cases(path):
            output = case.findtext("system-out") or ""
            if case.find("failure") is not None or case.get("status") == "fail":
                failed += 1
                print(f"FAILED {case.get('name')}\n{output[-6000:].rstrip()}\n")
            elif case.find("skipped") is not None:
                if "Unable to find" in output or "SKIP" not in (case.find("skipped").get("message") or ""):
                    failed += 1
                    print(f"FAILED {case.get('name')}: could not run\n{output[-2000:].rstrip()}\n")
                else:
                    skipped.setdefault(skip_reason(output), []).append(case.get("name"))
            else:
                passed += 1
    for reason, names in skipped.items():
        print(f"skipped {', '.join(names)}: {reason}")
    print(f"{passed} passed, {failed} failed, {sum(map(len, skipped.values()))} skipped")
    return 1 if failed or passed == 0 else 0


sys.exit(main())
