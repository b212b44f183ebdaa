#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests with real DNS daemons in private namespaces. Exit codes: 0 passed, 1 failed, 77 not possible here."""
import os
import sys
import unittest

sys.dont_write_bytecode = True  # the sources may be read-only, and stay clean
import world  # noqa: E402

if __name__ == "__main__":
    world.enter()
    folder = os.path.dirname(os.path.abspath(__file__))
    tests = (unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:]
             else unittest.defaultTestLoader.discover(folder))
    sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful() else 1)
