#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two types of one name in one namespace are one type to the linker, which keeps the functions of either: no compiler
sees it. Every type outside of an unnamed namespace has a name of its own."""
import collections
import pathlib
import re
import sys

TYPE = re.compile(r"(?:template <.*> )?(?:struct|class|enum class|enum)(?: \[\[.*?\]\])? (\w+)(?: final)?(?: : .*)? \{")

places = collections.defaultdict(list)
for layer in ("lib", "probes", "reports", "tools"):
    for path in sorted(pathlib.Path(layer).rglob("*.[hc]*")):
        unnamed = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line in ("namespace {", "}  // namespace"):
                unnamed = line == "namespace {"
            found = TYPE.match(line)
            if found and not unnamed:
                places[found.group(1)].append(f"{path}:{number}")
twice = {name: where for name, where in places.items() if len(where) > 1}
for name, where in twice.items():
    print(f"{name} is defined in {' and in '.join(where)}")
if len(places) < 100:
    print(f"only {len(places)} types were found: has the style changed?")
sys.exit(1 if twice or len(places) < 100 else 0)
