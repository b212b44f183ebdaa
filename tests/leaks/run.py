#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests of the leak detector with real VPN programs in private namespaces. Exit codes: 0 passed, 1 failed, 77 not
possible here."""
import os
import sys
import unittest

sys.dont_write_bytecode = True  # the sources may be read-only, and stay clean
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vpn"))
import machines  # noqa: E402

PROGRAMS = ("ip", "sysctl", "dnsmasq", "wg", "wg-quick", "wireguard-go", "nft", "tc", "openvpn", "openssl", "ping")

if __name__ == "__main__":
    try:
        import jsonschema  # noqa: F401
    except ImportError:
        machines.skip("python3-jsonschema is not installed")
    machines.enter(PROGRAMS)
    machines.hide_machine(nameserver="192.168.50.1")
    folder = os.path.dirname(os.path.abspath(__file__))
    tests = (unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:]
             else unittest.defaultTestLoader.discover(folder))
    sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful() else 1)
