# SPDX-License-Identifier: MIT
"""What stands at the two ends of a proxy under test."""

import contextlib
import hashlib
import os
import random
import re
import select
import socket
import struct
import threading

from daemons import hold_port
from program import PATIENCE, Judgement
from scale import SANITIZED


class Server:
    """A TCP server whose clients are each handled by `handle(connection)` in a thread. Its port is
    held, so that there is no other server at it, whatever address "localhost" may lead to."""

    def __init__(self, test, handle, host="127.0.0.1", port=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.port = port or hold_port(test)
        self.listener = socket.create_server((host, self.port), family=family, backlog=1024)
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.handle = handle
        self.failures = []
        threading.Thread(target=self._accept, daemon=True).start()
        test.addCleanup(self.listener.close)
        test.addCleanup(self.stop)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        connection.settimeout(PATIENCE)
        try:
            with connection:
                self.handle(connection)
        except OSError:
            pass  # the other side went away, as some tests want
        except Exception as failure:
            self.failures.append(failure)
            raise

    def stop(self):
        """From now on connections to it are refused."""
        with contextlib.suppress(OSError):  # it was stopped before
            self.listener.shutdown(socket.SHUT_RDWR)


def echo(connection):
    """Sends back what it gets, and the end, too."""
    while data := connection.recv(65536):
        connection.sendall(data)


def sink_then_digest(connection):
    """Reads to the end, then answers with the SHA-256 of that: wants half-close."""
    digest = hashlib.sha256()
    while data := connection.recv(1 << 20):
        digest.update(data)
    connection.sendall(digest.hexdigest().encode())


def say(text):
    """A handler that sends `text` and ends."""
    return lambda connection: connection.sendall(text)


def http(body):
    """A handler that answers one request for anything with `body`."""
    def handle(connection):
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return
            head += data
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return handle


def connect(port, host="127.0.0.1"):
    connection = socket.create_connection((host, port), timeout=PATIENCE)
    connection.settimeout(PATIENCE)
    return connection


def receive_all(connection):
    data = bytearray()
    while piece := connection.recv(1 << 20):
        data += piece
    return bytes(data)


def receive_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise AssertionError(f"the end after {data!r}, where {count} bytes should come")
        data += piece
    return data


def exchange(connection, data):
    """Sends `data`, and that it is all, while it receives all that comes: who does one after the
    other may wait for ever."""
    def send():
        with contextlib.suppress(OSError):  # who does not want to hear all says so otherwise
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        return receive_all(connection)
    finally:
        sender.join()


def last_words(connection):
    """All that comes before the other side cuts the connection off. With something unread that is
    a reset, else an end."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 20):
            data += piece
    return data


def reset(connection):
    """Closes so that the peer gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def ending_of(connection):
    """How the connection ends, when all that comes was read: "end" or "reset"."""
    try:
        receive_all(connection)
    except ConnectionResetError:
        return "reset"
    return "end"


def random_bytes(count):
    return random.randbytes(count)


def full_listener(test):
    """The port of a server at which who connects waits for ever."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    test.addCleanup(listener.close)
    while True:
        filler = socket.socket()
        test.addCleanup(filler.close)
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        if not select.select([], [filler], [], 0.2)[1]:  # none has to wait for a server with room
            return listener.getsockname()[1]


def scale(full, reduced):
    """How often to do something: less where a sanitizer makes everything ten times dearer."""
    return reduced if SANITIZED else full


class Proxied(Judgement):
    """Starts the proxy on free ports. Unless a test says otherwise, it has patience with a machine
    that is busy, and none with one that has no network to ask for names."""

    def proxy(self, *arguments, socks5=False, http=False, forward=None, **options):
        """With .socks5, .http and .forward as the ports of what was asked for."""
        asked = []
        for name, wanted in (("socks5", socks5), ("http", http)):
            asked += [f"--{name}", "127.0.0.1:0"] if wanted else []
        asked += ["--forward", f"127.0.0.1:0={forward}"] if forward else []
        for time in "--handshake", "--connect", "--check-timeout":
            asked += [] if time in arguments else [time, 600]
        options.setdefault("env", {**os.environ, "RES_OPTIONS": "timeout:1 attempts:1"})
        proxy = self.start("proxy", *asked, *arguments, **options)
        for name in [name for name, wanted in
                     (("socks5", socks5), ("http", http), ("forward", forward)) if wanted]:
            setattr(proxy, name, int(proxy.wait_for(rf"^{name} listening on .*:(\d+)$")[1]))
        return proxy

    def access_line(self, proxy):
        line = proxy.wait_for(r"event=access (.*)")[1]
        return dict(re.findall(r'([a-z]+)=("[^"]*"|\S+)', line))
