# SPDX-License-Identifier: Apache-2.0
"""A DNS server at the far end of a link that does as a test says: also what no honest server does."""
import select
import socket
import struct
import threading

from dns_message import read_name
from links import InNamespace


def reply(question, address=None, rcode=0, records=1):
    """The question turned into a reply: `records` A records with `address`, or only a response code."""
    end = read_name(question, 12)[1] + 4
    count = records if address else 0
    head = question[:2] + struct.pack("!5H", 0x8180 | rcode, 1, count, 0, 0)
    record = b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 60, 4) + socket.inet_aton(address or "0.0.0.0")
    return head + question[12:end] + record * count


class ScriptedServer:
    """Sends what behaviour(question) returns, a list of messages, over UDP from the address of the link's server, in
    whose place it is until it ends."""

    def __init__(self, link, behaviour):
        self.peer, self.behaviour = link.peer, behaviour
        self.peer.server.end()
        self.peer.server = None
        with InNamespace(self.peer.namespace):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((link.server, 53))
        self.stop, self.stopper = socket.socketpair()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            ready, _, _ = select.select([self.socket, self.stop], [], [])
            if self.stop in ready:
                return
            question, client = self.socket.recvfrom(65535)
            for message in self.behaviour(question):
                self.socket.sendto(message, client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Has the link's own server back."""
        self.stopper.send(b"x")
        self.thread.join()
        for each in (self.socket, self.stop, self.stopper):
            each.close()
        self.peer.start_server()
