# SPDX-License-Identifier: Apache-2.0
"""DNS servers in this program that do as they are told, over UDP and TCP, and remember who asked them what."""
import dataclasses
import selectors
import socket
import struct
import threading

import dns_message

RCODES = {"nxdomain": 3, "servfail": 2, "refused": 5}


@dataclasses.dataclass
class Question:
    """One question that arrived: at which address, over what, for which name and type."""
    server: str
    transport: str
    name: str
    kind: int


class Behaviour:
    """What a server makes of names: `default` ("answer", "nxdomain", "nodata", "servfail", "refused", "silent"), and
    what it makes of those that `names` lists."""

    def __init__(self, address, default, names=None):
        self.address, self.default, self.names = address, default, names or {}

    def of(self, name):
        return self.names.get(name, self.default)


class Peers:
    """One thread that serves all of them: so questions are kept in the order in which they came. What a server makes of
    a name is asked of behaviour_of(address, name)."""

    def __init__(self, addresses, behaviour_of):
        self.behaviour_of = behaviour_of
        self.questions = []
        self.selector = selectors.DefaultSelector()
        self.numbers = {address: number for number, address in enumerate(addresses, start=1)}
        for address in addresses:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((address, 53))
            self.selector.register(udp, selectors.EVENT_READ, (self.read_udp, address))
            tcp = socket.create_server((address, 53))
            self.selector.register(tcp, selectors.EVENT_READ, (self.accept, address))
        self.stop_here, self.stop_there = socket.socketpair()
        self.selector.register(self.stop_here, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                handler, address = key.data
                handler(key.fileobj, address)

    def read_udp(self, server, address):
        message, client = server.recvfrom(65536)
        reply = self.reply(message, address, "udp")
        if reply:
            server.sendto(reply, client)

    def accept(self, server, address):
        connection, _ = server.accept()
        self.selector.register(connection, selectors.EVENT_READ, (self.read_tcp, address))

    def read_tcp(self, connection, address):
        data = connection.recv(65536)
        while len(data) >= 2:
            length = struct.unpack_from("!H", data)[0]
            message, data = data[2:2 + length], data[2 + length:]
            reply = self.reply(message, address, "tcp")
            if reply:
                connection.sendall(struct.pack("!H", len(reply)) + reply)
        self.close_if_done(connection)

    def close_if_done(self, connection):
        try:
            if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.selector.unregister(connection)
        connection.close()

    def reply(self, message, address, transport):
        name, end = dns_message.read_name(message, 12)
        kind = struct.unpack_from("!H", message, end)[0]
        self.questions.append(Question(address, transport, name.lower(), kind))
        behaviour = self.behaviour_of(address, name.lower())
        if behaviour == "silent":
            return None
        question = message[12:end + 4]
        answers = b""
        if behaviour == "answer" and kind == dns_message.KINDS["A"]:
            answers = b"\xc0\x0c" + struct.pack("!HHIH4B", 1, 1, 1, 4, 203, 0, 113, self.numbers[address])
        rcode = RCODES.get(behaviour, 0)
        # RD is kept, RA is set: an answer without records counts as one.
        return message[:2] + struct.pack("!5H", 0x8180 | rcode, 1, 1 if answers else 0, 0, 0) + question + answers

    def end(self):
        self.stop_there.send(b"x")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.stop_there.close()
        self.selector.close()
