# SPDX-License-Identifier: MIT
"""apps/proxy as its users meet it: curl, ssh, socat, dig, iperf3 and wrk judge it."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess

import daemons
import peers
import program


class RealClients(peers.Proxied):
    def curl(self, *arguments, **options):
        """Curl that knows of no other proxies, and of nothing that should go without one."""
        return self.run_client("curl", "-q", "-sS", "--noproxy", "", *arguments, **options)

    def test_curl_gets_a_page_by_socks5_with_names_and_addresses_of_both_families(self):
        body = peers.random_bytes(3_000_000)
        ipv4 = peers.Server(self, peers.http(body))
        ipv6 = peers.Server(self, peers.http(body), "::1")
        proxy = self.proxy(socks5=True)
        for scheme, url in (("--socks5-hostname", f"http://localhost:{ipv4.port}/"),
                            ("--socks5", f"http://{ipv4.address}/"),
                            ("--socks5-hostname", f"http://{ipv6.address}/")):
            got = self.curl(scheme, f"127.0.0.1:{proxy.socks5}", url, text=False)
            self.assertEqual(got, body)
            access = self.access_line(proxy)
            self.assertEqual((access["protocol"], access["outcome"]), ("socks5", "done"))
            self.assertGreater(int(access["down"]), len(body))

    def test_curl_tunnels_by_http_connect(self):
        body = peers.random_bytes(3_000_000)
        server = peers.Server(self, peers.http(body))
        proxy = self.proxy(http=True)
        got = self.curl("--proxytunnel", "-x", f"127.0.0.1:{proxy.http}",
                        f"http://localhost:{server.port}/", text=False)
        self.assertEqual(got, body)
        self.assertEqual(self.access_line(proxy)["target"], f"localhost:{server.port}")

    def test_curl_is_let_in_with_the_right_password_only(self):
        server = peers.Server(self, peers.http(b"secret"))
        proxy = self.proxy("--user", "ada:l0ve lace", "--user", "bob:x", socks5=True, http=True)
        url = f"http://{server.address}/"
        for user, code in (("ada:l0ve lace", 0), ("bob:x", 0), ("ada:x", 97), ("eve:", 97)):
            got = self.curl("--socks5", f"127.0.0.1:{proxy.socks5}", "--proxy-user", user, url,
                            expect=code)
            self.assertEqual(got, "" if code else "secret")
        self.curl("--socks5", f"127.0.0.1:{proxy.socks5}", url, expect=97)
        tunnel = ["-o", self.folder / "page", "-w", "%{http_connect}", "--proxytunnel", "-x",
                  f"127.0.0.1:{proxy.http}"]
        for user, status in (("ada:l0ve lace", "200"), ("bob:x", "200"), ("ada:x", "407")):
            got = self.curl(*tunnel, "--proxy-user", user, url,
                            expect=0 if status == "200" else 56)
            self.assertEqual(got, status)
        self.assertEqual(self.curl(*tunnel, url, expect=56), "407")

    def test_curl_learns_why_a_target_can_not_be_reached(self):
        refused = daemons.hold_port(self)
        strict = self.proxy("--allow-port", 443, socks5=True, http=True)
        proxy = self.proxy(socks5=True, http=True)
        for which, url, reply, status in (
                (strict, f"http://127.0.0.1:{refused}/", 2, "403"),
                (proxy, f"http://127.0.0.1:{refused}/", 5, "502"),
                (proxy, "http://no-such-host.invalid/", 4, "502")):
            text = self.curl("--stderr", "-", "--socks5-hostname", f"127.0.0.1:{which.socks5}", url,
                             expect=97)
            self.assertIn(f"({reply})", text)
            got = self.curl("-w", "%{http_connect}", "--proxytunnel", "-x",
                            f"127.0.0.1:{which.http}", url, expect=56)
            self.assertEqual(got, status)

    def test_socat_comes_through_both_protocols(self):
        server = peers.Server(self, peers.echo)
        proxy = self.proxy(socks5=True, http=True)
        data = peers.random_bytes(2_000_000)
        got = self.run_client(
            "socat", "-t", program.PATIENCE, "-",
            f"PROXY:127.0.0.1:127.0.0.1:{server.port},proxyport={proxy.http}", input=data,
            text=False)
        self.assertEqual(got, data)
        got = self.run_client("nc", "-N", "-X", "5", "-x", f"127.0.0.1:{proxy.socks5}",
                              "127.0.0.1", server.port, input=data, text=False)
        self.assertEqual(got, data)

    def test_ssh_goes_through_a_tunnel(self):
        port = daemons.hold_port(self)
        home = self.folder
        for key in ("host", "user"):
            self.run_client("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / key)
        shutil.copy(home / "user.pub", home / "authorized")
        (home / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nPidFile none\n"
            f"AuthorizedKeysFile {home}/authorized\nStrictModes no\nUsePAM no\n"
            "PermitRootLogin yes\nLoginGraceTime 0\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
        daemons.start_daemon(self, port, "/usr/sbin/sshd", "-D", "-e", "-f", home / "config")
        proxy = self.proxy(socks5=True)
        got = self.run_client(
            "ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o",
            f"UserKnownHostsFile={home}/known", "-o", "LogLevel=ERROR", "-i", home / "user", "-o",
            f"ProxyCommand=nc -X 5 -x 127.0.0.1:{proxy.socks5} %h %p", "-p", port, "127.0.0.1",
            "head -c 1000000 /dev/zero | sha256sum")
        self.assertIn(hashlib.sha256(bytes(1_000_000)).hexdigest(), got)

    def test_iperf3_sends_both_ways_through_the_forwarder(self):
        port = daemons.hold_port(self)
        daemons.start_daemon(self, port, "iperf3", "-s", "-p", port)
        # A check would be the one client that iperf3 serves at a time.
        proxy = self.proxy("--check-interval", 0, forward=f"127.0.0.1:{port}")
        amount = 200
        report = {}

        def is_served(*direction):
            report.clear()
            report.update(json.loads(self.run_client(
                "iperf3", "-c", "127.0.0.1", "-p", proxy.forward, "-n", f"{amount}M", "-P", 2,
                "-J", *direction, expect=None)))
            return "error" not in report

        for direction in [], ["--reverse"]:
            # Between two clients it does not listen for a while.
            self.eventually(lambda: is_served(*direction), "iperf3 is done with who came before")
            # What is under way when the sender is done, it does not count.
            self.assertGreaterEqual(report["end"]["sum_received"]["bytes"], amount * 500_000)

    def test_datagrams_of_the_client_alone_go_out_and_come_back_by_udp_associate(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answerer:
            answerer.bind(("127.0.0.1", 0))
            answerer.settimeout(program.PATIENCE)
            proxy = self.proxy(socks5=True)
            control = peers.connect(proxy.socks5)
            control.sendall(b"\5\1\0")
            self.assertEqual(peers.receive_exactly(control, 2), b"\5\0")
            control.sendall(b"\5\3\0\1" + bytes(6))
            answer = peers.receive_exactly(control, 10)
            self.assertEqual(answer[:4], b"\5\0\0\1")
            relay = (socket.inet_ntoa(answer[4:8]), struct.unpack(">H", answer[8:])[0])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(program.PATIENCE)
                port = answerer.getsockname()[1]
                for host in (b"\1" + socket.inet_aton("127.0.0.1"), b"\3\x09localhost"):
                    head = bytes(3) + host + struct.pack(">H", port)
                    client.sendto(bytes(2) + b"\1" + head[3:] + b"a fragment", relay)
                    client.sendto(b"\0\0\0\7garbage", relay)
                    for size in (0, 1, 512, 9000, 60_000):
                        data = peers.random_bytes(size)
                        client.sendto(head + data, relay)
                        got, sender = answerer.recvfrom(65536)
                        self.assertEqual(got, data)
                        answerer.sendto(got[::-1], sender)
                        back, _ = client.recvfrom(65536)
                        self.assertEqual(back[:4], b"\0\0\0\1")
                        self.assertEqual(back[4:10],
                                         socket.inet_aton("127.0.0.1") + struct.pack(">H", port))
                        self.assertEqual(back[10:], data[::-1])
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                    stranger.sendto(head + b"not the client", relay)
                client.sendto(head + b"last", relay)
                self.assertEqual(answerer.recv(65536), b"last")
            control.close()
            self.assertEqual(self.access_line(proxy)["outcome"], "done")


    def test_a_client_of_ipv4_gets_datagrams_through_an_address_of_ipv6(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answerer, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for one in answerer, client:
                one.bind(("127.0.0.1", 0))
                one.settimeout(program.PATIENCE)
            proxy = self.start("proxy", "--socks5", "[::]:0")
            port = int(proxy.wait_for(r"listening on .*:(\d+)$")[1])
            with peers.connect(port) as control:
                control.sendall(b"\5\1\0\5\3\0\1" + bytes(6))
                answer = peers.receive_exactly(control, 12)[2:]
                self.assertEqual(answer[:8], b"\5\0\0\1" + socket.inet_aton("127.0.0.1"))
                head = b"\0\0\0\1" + answer[4:8] + struct.pack(">H", answerer.getsockname()[1])
                client.sendto(head + b"ping", ("127.0.0.1", struct.unpack(">H", answer[8:])[0]))
                data, sender = answerer.recvfrom(100)
                answerer.sendto(data + b"pong", sender)
                self.assertEqual(client.recv(100), head + b"pingpong")


class Restart(peers.Proxied):
    def test_wrk_sees_no_error_while_the_proxy_is_replaced_again_and_again(self):
        port, kept = daemons.start_nginx(self)
        options = ["--control", self.folder / "control"]
        old = self.proxy(*options, forward=f"127.0.0.1:{port}")
        where = f"http://127.0.0.1:{old.forward}/"
        clients = [self.start_client("wrk", "-t1", "-c20", "-d600s", "--timeout", "600s", *header,
                                     where)
                   for header in (["-H", "Connection: close"], [])]
        for _ in range(peers.scale(8, 3)):
            old.wait_for("event=access")
            new = self.start("proxy", "--forward", f"127.0.0.1:0=127.0.0.1:{port}", *options)
            new.forward = int(new.wait_for(r"listening on .*:(\d+)$")[1])
            self.assertEqual(new.forward, old.forward)
            old.wait_for("event=takeover state=done")
            old = new
        old.wait_for("event=access")
        self.eventually(lambda: kept.stat().st_size > 0, "both have had answers")
        for client in clients:
            client.send_signal(signal.SIGINT)
            text = client.communicate(timeout=program.PATIENCE)[0]
            self.assertEqual(client.returncode, 0, text)
            self.assertNotIn("Socket errors", text)
            self.assertNotIn("Non-2xx", text)
            self.assertGreater(int(re.search(r"(\d+) requests in", text)[1]), 0)
        self.assertEqual(old.end(), 0)

    def test_a_connection_outlives_the_proxy_that_was_replaced_under_it(self):
        server = peers.Server(self, peers.echo)
        options = ["--control", self.folder / "control"]
        old = self.proxy(*options, forward=server.address)
        talk = peers.connect(old.forward)
        talk.sendall(b"before")
        self.assertEqual(peers.receive_exactly(talk, 6), b"before")
        new = self.proxy(*options, forward=server.address)
        self.assertEqual(new.forward, old.forward)
        old.wait_for("event=takeover state=done")
        talk.sendall(b"after")
        self.assertEqual(peers.receive_exactly(talk, 5), b"after")
        with peers.connect(new.forward) as other:
            other.sendall(b"new")
            self.assertEqual(peers.receive_exactly(other, 3), b"new")
        self.assertIsNone(old.process.poll())
        talk.close()
        self.assertEqual(old.end(None), 0)
        self.assertIn("relieved and drained, 1 connections served", old.text)
        self.assertEqual(new.end(), 0)
        self.assertIn("drained, 1 connections served", new.text)

    def test_a_successor_that_fails_leaves_its_predecessor_at_work(self):
        server = peers.Server(self, peers.echo)
        path = str(self.folder / "control")
        old = self.proxy("--control", path, forward=server.address)
        for last_words in (b"", b"not rea\n"):
            with socket.socket(socket.AF_UNIX) as failing:
                failing.connect(path)
                message, descriptors, _, _ = socket.recv_fds(failing, 4096, 16)
                self.assertEqual(message.split(b"\n")[0], b"control")
                self.assertEqual(len(descriptors), 2)
                for descriptor in descriptors:
                    os.close(descriptor)
                failing.sendall(last_words)
        with peers.connect(old.forward) as client:
            client.sendall(b"still here")
            self.assertEqual(peers.receive_exactly(client, 10), b"still here")
        self.assertEqual(old.end(), 0)

    def test_an_address_that_the_successor_does_not_want_is_closed(self):
        server = peers.Server(self, peers.echo)
        options = ["--control", self.folder / "control"]
        old = self.proxy(*options, socks5=True, forward=server.address)
        new = self.proxy(*options, forward=server.address)
        self.assertEqual(old.end(None), 0)
        self.assertEqual(new.forward, old.forward)
        self.assertTrue(daemons.listens(new.pid, new.forward))
        self.assertFalse(daemons.listens(new.pid, old.socks5))

    def start_client(self, *command):
        client = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        return client


if __name__ == "__main__":
    program.main()
