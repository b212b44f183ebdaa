# SPDX-License-Identifier: Apache-2.0
"""DNS questions and answers, as far as the tests need them."""
import dataclasses
import ipaddress
import os
import socket
import struct

KINDS = {"A": 1, "PTR": 12, "TXT": 16, "AAAA": 28}
CLASSES = {"IN": 1, "CH": 3}
TIMEOUT_S = 30


@dataclasses.dataclass
class Answer:
    """`rcode` 0: no error, 2: SERVFAIL, 3: NXDOMAIN, 5: REFUSED. `addresses` are sorted text, `names` are PTR's."""
    rcode: int
    addresses: list
    names: list
    message: bytes


def question(name, kind, in_class="IN"):
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return os.urandom(2) + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + encoded + struct.pack("!2H", KINDS[kind],
                                                                                       CLASSES[in_class])


def read_name(message, at):
    """The name at an offset, and where it ends."""
    labels, end = [], None
    while message[at]:
        if message[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", message, at)[0] & 0x3FFF
        else:
            labels.append(message[at + 1:at + 1 + message[at]].decode(errors="replace"))
            at += 1 + message[at]
    return ".".join(labels), end or at + 1


def decode(message):
    _, flags, questions, answers = struct.unpack_from("!4H", message)
    at, addresses, names = 12, [], []
    for _ in range(questions):
        at = read_name(message, at)[1] + 4
    for _ in range(answers):
        at = read_name(message, at)[1]
        kind, _, _, length = struct.unpack_from("!HHIH", message, at)
        at += 10
        if kind in (KINDS["A"], KINDS["AAAA"]):
            addresses.append(str(ipaddress.ip_address(message[at:at + length])))
        elif kind == KINDS["PTR"]:
            names.append(read_name(message, at)[0])
        at += length
    return Answer(flags & 15, sorted(addresses), names, message)


def ask(name, kind="A", server="127.0.0.53", in_class="IN", timeout_s=TIMEOUT_S, interface=None):
    """Asks a server over UDP and returns its Answer; None when none came in time."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        if interface:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        client.connect((server, 53))
        sent = question(name, kind, in_class)
        client.send(sent)
        try:
            while True:
                message = client.recv(65536)
                if message[:2] == sent[:2]:
                    return decode(message)
        except (TimeoutError, ConnectionRefusedError):
            return None
