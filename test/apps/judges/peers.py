# SPDX-License-Identifier: MIT
"""What stands at the two ends of a proxy under test."""

import hashlib
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

from program import PATIENCE, Judgement
from scale import SANITIZED


class Server:
    """A TCP server whose clients are each handled by `handle(connection)` in a thread."""

    def __init__(self, test, handle, host="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, port), family=family, backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.handle = handle
        self.failures = []
        threading.Thread(target=self._accept, daemon=True).start()
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
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


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


def free_port():
    """A port that nobody listens on, and few will ask for meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def hold_port(test):
    """A socket whose port refuses connections until it is closed, and that nobody else gets."""
    holder = socket.socket()
    test.addCleanup(holder.close)
    holder.bind(("127.0.0.1", 0))
    return holder


def dead_port(test):
    """A port that refuses connections until the end of the test."""
    return hold_port(test).getsockname()[1]


def start_daemon(test, command, port, **options):
    """Runs somebody else's server until the end of the test; returns when it accepts on `port`."""
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

    def stop():
        process.kill()
        process.wait()
        process.stdout.close()

    test.addCleanup(stop)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
            return process
        except OSError:
            if process.poll() is not None:
                test.fail(f"{command} ended:\n{process.stdout.read().decode()}")
            if time.monotonic() > end:
                test.fail(f"{command} does not listen")
            time.sleep(0.02)


def start_nginx(test, folder, port):
    """Nginx with one small page, one worker and no access log."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "nginx.conf").write_text(f"""
        daemon off; master_process off; pid {folder}/pid; error_log stderr;
        events {{ worker_connections 4096; }}
        http {{
            access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
            fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
            keepalive_requests 1000000;
            server {{
                listen 127.0.0.1:{port} backlog=4096;
                location / {{ return 200 "hello\\n"; }}
            }}
        }}""")
    return start_daemon(test, [shutil.which("nginx") or "/usr/sbin/nginx", "-e", "stderr", "-p",
                               folder, "-c", folder / "nginx.conf"], port)


def scale(full, reduced):
    """How often to do something: less where a sanitizer makes everything ten times dearer."""
    return reduced if SANITIZED else full


class Proxied(Judgement):
    """Starts the proxy on free ports."""

    def proxy(self, *arguments, socks5=False, http=False, forward=None, **options):
        """With .socks5, .http and .forward as the ports of what was asked for."""
        asked = []
        for name, wanted in (("socks5", socks5), ("http", http)):
            asked += [f"--{name}", "127.0.0.1:0"] if wanted else []
        asked += ["--forward", f"127.0.0.1:0={forward}"] if forward else []
        proxy = self.start("proxy", *asked, *arguments, **options)
        for name in [name for name, wanted in
                     (("socks5", socks5), ("http", http), ("forward", forward)) if wanted]:
            setattr(proxy, name, int(proxy.wait_for(rf"^{name} listening on .*:(\d+)$")[1]))
        return proxy

    def access_line(self, proxy):
        line = proxy.wait_for(r"event=access (.*)")[1]
        return dict(re.findall(r'([a-z]+)=("[^"]*"|\S+)', line))
