# SPDX-License-Identifier: Apache-2.0
"""Programs that run beside the test: started, listened to, and ended by their PID."""
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

PATIENCE_S = 30  # for what must happen; reached only when it does not


def end_process(process):
    """Kills a process that is our child and waits for its end."""
    process.kill()
    process.wait()


class Daemon:
    """A program whose every line is kept. Lines can be waited for, also those that it printed already."""

    def __init__(self, words, **environment):
        self.words = words
        self.lines = []
        self.changed = threading.Condition()
        self.has_ended = False
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=dict(os.environ, **environment))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.has_ended = True
            self.changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """All that it has printed so far."""
        with self.changed:
            return "\n".join(self.lines)

    def wait_until(self, condition, what):
        """Returns what condition(its lines) gives as soon as that is true; asked again with every line."""
        end = time.monotonic() + PATIENCE_S
        with self.changed:
            while not (found := condition(self.lines)):
                if self.has_ended or not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"{self.words[0]} never said {what}:\n" + "\n".join(self.lines[-40:]))
            return found

    def wait_for(self, pattern, after=0):
        """Returns the first line from number `after` on that the pattern is found in, once there is one."""
        expression = re.compile(pattern)
        return self.wait_until(lambda lines: next((line for line in lines[after:] if expression.search(line)), None),
                               repr(pattern))

    def wait_for_socket(self, path):
        """Returns once a connection is taken there."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket(socket.AF_UNIX) as client:
                if client.connect_ex(path) == 0:
                    return
            os.sched_yield()
        raise AssertionError(f"{self.words[0]} never listened on {path}:\n" + self.log())

    def stop(self):
        """Has it answer nothing (SIGSTOP) until continue_() or its end."""
        os.kill(self.pid, signal.SIGSTOP)

    def continue_(self):
        os.kill(self.pid, signal.SIGCONT)

    def end(self):
        """Kills it and the children that it leaves, as NetworkManager leaves its dnsmasq."""
        children = children_of(self.pid)
        end_process(self.process)
        for child in children:
            kill_stranger(child)
        self.reader.join()
        self.process.stdout.close()


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def kill_stranger(pid):
    """Kills a process that is not our child, and returns once it has gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        os.kill(pid, signal.SIGKILL)
        gone, _, _ = select.select([handle], [], [], PATIENCE_S)
        assert gone, f"process {pid} survived"
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def is_zombie(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] == "Z"


def reap_orphans():
    """Buries what daemons left: this program is PID 1 of its namespace and inherits it."""
    for pid in children_of(os.getpid()):
        if is_zombie(pid):
            os.waitpid(pid, 0)
