#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over source files of one target: tidy.py FILE... Several are put together into one, so that what they
all include is looked at once. They are not included but written one after the other: some checks, and warnings of the
compiler, look at the main file alone."""
import itertools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

# The kernel's headers leave out what those of libc say already, if they come after them (linux/libc-compat.h).
FIRST = ["#include <net/if.h>", "#include <netinet/in.h>"]
COUNT = re.compile(r"\d+ warnings? (and \d+ errors? )?(generated|treated)|Suppressed|Use -header-filter")


def compiler_options(build, source, file):
    """Those of the file; where it is compiled in a unit, those of another unit of its target."""
    layer = file.relative_to(source).parts[0]
    target = f"/{'vpndoctor-tool' if layer == 'tools' else f'vpndoctor_{layer}'}.dir/Unity/"
    commands = {each["file"]: each["command"]
                for each in json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))}
    command = commands.get(str(file)) or next((commands[each] for each in commands if target in each), None)
    if command is None:
        raise SystemExit(f"{file} is in no target")
    # The first option follows the compiler, and what launches it.
    words = shlex.split(command.partition(" -o ")[0])
    return list(itertools.dropwhile(lambda word: not word.startswith("-"), words))


def unit_of(files):
    """The text of all files, and for each of its lines the place that it is from."""
    lines, places = list(FIRST), ["libc:0"] * len(FIRST)
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            lines.append(line)
            places.append(f"{file}:{number}")
    return "\n".join(lines) + "\n", places


def check(files, source, build):
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "unit.cc"
        text, places = unit_of(files)
        unit.write_text(text, encoding="utf-8")
        folders = [f"-I{each}" for each in sorted({file.parent for file in files})]
        done = subprocess.run(["clang-tidy-19", "--quiet", f"--config-file={source}/.clang-tidy", str(unit), "--",
                               *compiler_options(build, source, files[0]), *folders],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = re.sub(re.escape(str(unit)) + r":(\d+)", lambda found: places[int(found[1]) - 1], done.stdout)
    for line in said.splitlines():
        if not COUNT.match(line):
            print(line)
    return done.returncode


def main():
    if shutil.which("clang-tidy-19") is None:
        print("skipped: clang-tidy-19 is not installed")
        return 77
    source, build = pathlib.Path(os.environ["SOURCE_DIR"]), pathlib.Path(os.environ["BUILD_DIR"])
    return check([source / file for file in sys.argv[1:]], source, build)


sys.exit(main())
