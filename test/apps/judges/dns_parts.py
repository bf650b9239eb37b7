# SPDX-License-Identifier: MIT
"""Messages of DNS by hand, and an upstream that answers as a test wants it to."""

import socket
import struct
import threading

A, SOA, TXT = 1, 6, 16


def name_bytes(name):
    labels = [label.encode() for label in name.strip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def query(name, kind=A, number=1, flags=0x0100):
    return struct.pack("!6H", number, flags, 1, 0, 0, 0) + name_bytes(name) + struct.pack("!2H", kind, 1)


def question_of(message):
    """The name in small letters, and the bytes of the question."""
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode().lower())
        at += 1 + message[at]
    return ".".join(labels), message[12:at + 5]


def answer(message, *records, code=0, number=None, question=None, flags=0x8180):
    """An answer to the query `message`; a record is a type, a TTL and data, and goes by the name
    asked for."""
    number = struct.unpack_from("!H", message)[0] if number is None else number
    head = struct.pack("!6H", number, flags | code, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data
                    for kind, ttl, data in records)
    return head + (question_of(message)[1] if question is None else question) + body


def address(text="192.0.2.1"):
    return A, 300, socket.inet_aton(text)


class Upstream:
    """A server on UDP that hands each query to `reply(upstream, message, sender)`."""

    def __init__(self, test, reply):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.place = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.asked = []
        self._reply = reply
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        test.addCleanup(self.close)

    def _serve(self):
        while True:
            message, sender = self.socket.recvfrom(4096)
            if not message:
                return
            self.asked.append((message, sender))
            self._reply(self, message, sender)

    def send(self, message, receiver):
        self.socket.sendto(message, receiver)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())  # ends the thread
        self._thread.join()
        self.socket.close()
