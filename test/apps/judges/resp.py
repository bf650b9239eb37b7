# SPDX-License-Identifier: MIT
"""A bare RESP client, for tests that want to see each byte."""

import contextlib
import socket
import threading

import program


def encode(*words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Failure(str):
    """An error that the server replied with."""


class Push(list):
    """A message out of turn, as RESP3 has them."""


class Connection:
    def __init__(self, server, timeout=program.PATIENCE):
        self.socket = socket.create_connection((server.host, server.port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = self.socket.makefile("rb", 1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._input.close()
        self.socket.close()

    def send(self, *words):
        self.socket.sendall(encode(*words))

    def call(self, *words):
        self.send(*words)
        return self.read()

    def line(self):
        line = self._input.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"the server closed the connection after {line!r}")
        return line[:-2]

    def pipeline(self, requests):
        """Sends all of them while it reads the replies: who does one after the other may wait for
        ever. Returns the replies."""
        sender = threading.Thread(target=self.socket.sendall, args=(b"".join(requests),))
        sender.start()
        try:
            return [self.read() for _ in requests]
        finally:
            sender.join()

    def rest(self):
        """All that comes until the server closes the connection, or resets it since it has not read
        all that was sent."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self._input.read1(1 << 16):
                data += piece
        return data

    def read(self):
        line = self.line()
        kind, text = line[:1], line[1:]
        if kind == b"+":
            return text.decode()
        if kind == b"-":
            return Failure(text.decode(errors="replace"))
        if kind == b":":
            return int(text)
        if kind == b",":
            return float(text)
        if kind == b"_" or text == b"-1":
            return None
        if kind == b"$":
            bulk = self._input.read(int(text) + 2)
            if len(bulk) < int(text) + 2:
                raise EOFError("the server closed the connection inside of a reply")
            return bulk[:-2]
        if kind == b"%":
            return {self.read(): self.read() for _ in range(int(text))}
        items = [self.read() for _ in range(int(text))]
        if kind == b"~":
            return set(items)
        return Push(items) if kind == b">" else items
