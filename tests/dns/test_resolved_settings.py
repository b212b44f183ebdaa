# SPDX-License-Identifier: Apache-2.0
"""resolved.conf and its drop-ins against the real systemd-resolved: random files in all the folders, and the servers and
search domains that the daemon then writes into its own resolv.conf."""
import os
import random
import shutil
import time
import unittest

import reader
import world
from daemons import PATIENCE_S

CASES = int(os.environ.get("VPNDOCTOR_SETTINGS_CASES", "150"))
SEED = int(os.environ.get("VPNDOCTOR_SETTINGS_SEED", "1"))
FOLDERS = [f"{place}/systemd/resolved.conf.d" for place in ("/etc", "/run", "/usr/local/lib", "/usr/lib")]
MAIN = "/etc/systemd/resolved.conf"
WRITTEN = "/run/systemd/resolve/resolv.conf"
SERVERS = ["10.0.0.1", "10.0.0.2", "192.0.2.1:53", "192.0.2.1:853", "[2001:db8::1]:53", "2001:db8::2", "[2001:db8::3]",
           "10.0.0.4#dns.example", "10.0.0.5#", "127.0.0.53", "127.0.0.54", "0.0.0.0", "::", "10.1", "nonsense",
           "10.0.0.6%lo", "10.0.0.8:0", "2001:db8::9#a.b"]
DOMAINS = ["corp.example", "~route.example", "Corp.Example.", "a", "~.", "*", ".", "b.c.", "x..y", ".x", "-a", "a_b",
           '"quoted.example"', "'q2.example'", "a" * 64, "~a", "home.arpa", "~", "\xfc.de"]
KEYS = ["DNS", "DNS", "Domains", "Domains", "FallbackDNS", "LLMNR", "Foo", "dns", " DNS ", "#DNS", ";Domains"]
ENDS = ["", "", " ", "\\\n 10.0.0.77", "\\\n# c\n x.yz"]


def random_line(chance):
    if chance.random() < 0.1:
        return chance.choice(["[Other]", "[Resolve]", "[Resolve", "garbage", "[]"])
    key = chance.choice(KEYS)
    values = chance.choices(SERVERS if "dns" in key.lower() else DOMAINS, k=chance.randrange(4))
    return key + chance.choice(["=", " = "]) + chance.choice([" ", "\t"]).join(values) + chance.choice(ENDS)


def random_file(chance):
    lines = [chance.choice(["[Resolve]"] * 8 + ["", "[Other]"])]
    lines += [random_line(chance) for _ in range(chance.randrange(6))]
    return ("\n".join(lines) + chance.choice(["", "\n"])).encode("latin-1")


def random_files(chance):
    """Paths and contents; None is a link to /dev/null."""
    files = {MAIN: random_file(chance)}
    for folder in FOLDERS:
        for name in ("10-a.conf", "20-b.conf", "no-settings"):
            if chance.random() < 0.2:
                files[f"{folder}/{name}"] = random_file(chance)
        if chance.random() < 0.08:
            files[f"{folder}/20-b.conf"] = None
    return files


def put(files):
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    for path, content in files.items():
        if content is None:
            os.symlink("/dev/null", path)
        else:
            with open(path, "wb") as file:
                file.write(content)


class ResolvedSettings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # /usr is not for writing.
        world.mount("-t", "tmpfs", "tmpfs", "/usr/local/lib")
        for folder in ("/var/tmp/changes", "/var/tmp/work"):
            os.makedirs(folder)
        world.mount("-t", "overlay", "-o", "lowerdir=/usr/lib/systemd,upperdir=/var/tmp/changes,workdir=/var/tmp/work",
                    "overlay", "/usr/lib/systemd")
        cls.machine = world.Machine("lan0")
        cls.addClassCleanup(cls.machine.end)

    def what_resolved_says(self):
        """Servers in their order, and search domains, which it writes as it found them."""
        daemon = self.machine.start("/usr/lib/systemd/systemd-resolved", SYSTEMD_LOG_TARGET="console")
        daemon.wait_for_socket(world.RESOLVED_VARLINK)
        end = time.monotonic() + PATIENCE_S
        while not os.path.exists(WRITTEN) and time.monotonic() < end:  # right after it listens
            os.sched_yield()
        with open(WRITTEN, encoding="utf-8") as file:
            lines = [line.split() for line in file]
        servers = [words[1] for words in lines if words[:1] == ["nameserver"]]
        return servers, [name.lower() for words in lines if words[:1] == ["search"] for name in words[1:] if name != "."]

    @staticmethod
    def what_is_read():
        resolved = reader.value_of(reader.read()["resolved"])
        everything = reader.scope_of(resolved, "")
        servers = [server.split("%")[0] for server in everything["servers"] or resolved["fallback"]]
        return servers, [name for name in everything["domains"] if not name.startswith("~")]

    def test_random_files_are_read_as_the_daemon_reads_them(self):
        chance = random.Random(SEED)
        for number in range(CASES):
            self.machine.reset()
            files = random_files(chance)
            put(files)
            servers, search = self.what_resolved_says()
            with self.subTest(number=number, files=files):
                self.assertEqual(self.what_is_read(), (servers, search))
