# SPDX-License-Identifier: MIT
"""Ports that nobody else gets, though many tests run at the same time, and other people's servers."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

from program import PATIENCE


def hold_port(test):
    """A port that is the test's until its end, at all addresses of this machine. Connections to it
    are refused until a server listens there, which has to set SO_REUSEADDR, as all do: then two may
    be bound to it as long as one of them does not listen."""
    try:
        holder = socket.socket(socket.AF_INET6)
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        everywhere = "::"
    except OSError:  # no IPv6 here
        holder = socket.socket()
        everywhere = "0.0.0.0"
    test.addCleanup(holder.close)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((everywhere, 0))
    return holder.getsockname()[1]


def hold_udp_port(test):
    """The same for datagrams: the system answers that nobody is there."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    test.addCleanup(holder.close)
    holder.bind(("127.0.0.1", 0))
    holder.connect(("127.0.0.1", 9))  # from now on it is there for this peer alone
    return holder.getsockname()[1]


def listens(pid, port):
    """Whether a process has a socket of TCP that listens on the port."""
    sockets = set()
    for table in "tcp", "tcp6":
        path = pathlib.Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            _, address, _, state, *_, inode = line.split()[:10]
            if state == "0A" and address.endswith(f":{port:04X}"):
                sockets.add(f"socket:[{inode}]")
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(descriptor) in sockets:
                return True
        except FileNotFoundError:
            pass  # closed meanwhile
    return False


def start_daemon(test, port, *command):
    """Runs somebody else's server until the end of the test; returns when it listens on `port`,
    which the test holds."""
    log = test.folder / f"log-{port}"
    with open(log, "wb") as output:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=output)
    test.addCleanup(process.wait)
    test.addCleanup(process.kill)
    end = time.monotonic() + PATIENCE
    while process.poll() is not None or not listens(process.pid, port):
        if process.poll() is not None:
            test.fail(f"{command} ended:\n{log.read_text()}")
        if time.monotonic() > end:
            test.fail(f"{command} does not listen:\n{log.read_text()}")
        time.sleep(0.02)
    return process


def start_nginx(test):
    """Nginx with one small page, one worker and no access log; but a connection on which a second
    request comes is noted in the file `kept` in its folder. Returns its port and that file."""
    port = hold_port(test)
    folder = test.folder / "nginx"
    folder.mkdir()
    (folder / "nginx.conf").write_text(f"""
        daemon off; master_process off; pid {folder}/pid; error_log stderr;
        events {{ worker_connections 4096; }}
        http {{
            map $connection_requests $is_second {{ 2 1; default 0; }}
            log_format kept kept;
            access_log {folder}/kept kept if=$is_second;
            client_body_temp_path {folder}; proxy_temp_path {folder};
            fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
            keepalive_requests 1000000; keepalive_timeout 600; client_header_timeout 600;
            send_timeout 600;
            server {{
                listen 127.0.0.1:{port} backlog=4096;
                location / {{ return 200 "hello\\n"; }}
            }}
        }}""")
    start_daemon(test, port, shutil.which("nginx") or "/usr/sbin/nginx", "-e", "stderr", "-p",
                 folder, "-c", folder / "nginx.conf")
    return port, folder / "kept"


def start_redis(test):
    """The original; returns its port."""
    port = hold_port(test)
    start_daemon(test, port, "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "",
                 "--dir", test.folder)
    return port
