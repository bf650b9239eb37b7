# SPDX-License-Identifier: MIT
"""apps/proxy as its protocols prescribe: each reply and status, also for garbage."""

import itertools
import os
import resource
import socket
import struct

import daemons
import peers
import program

OK, FAILED, NOT_ALLOWED, _, HOST_UNREACHABLE, REFUSED, _, NO_COMMAND, NO_ADDRESS_TYPE = range(9)


def ipv4(host, port):
    return b"\1" + socket.inet_aton(host) + struct.pack(">H", port)


def name(text, port):
    return b"\3" + bytes([len(text)]) + text + struct.pack(">H", port)


class Socks5(peers.Proxied):
    def ask(self, proxy, request, greeting=b"\5\1\0"):
        """A connection on which the request was made, and the code of the reply."""
        client = peers.connect(proxy.socks5)
        self.addCleanup(client.close)
        client.sendall(greeting + request)
        self.assertEqual(peers.receive_exactly(client, 2), b"\5\0")
        reply = peers.receive_exactly(client, 4)
        self.assertEqual((reply[0], reply[2]), (5, 0))
        peers.receive_exactly(client, {1: 6, 4: 18}[reply[3]])
        return client, reply[1]

    def test_each_request_gets_the_reply_of_rfc_1928(self):
        server = peers.Server(self, peers.echo)
        proxy = self.proxy(socks5=True)
        here = ipv4("127.0.0.1", server.port)
        for request, reply in ((b"\5\1\0" + here, OK),
                               (b"\5\1\0" + name(b"localhost", server.port), OK),
                               (b"\5\1\0" + ipv4("127.0.0.1", daemons.hold_port(self)), REFUSED),
                               (b"\5\1\0" + ipv4("255.255.255.255", 80), None),
                               (b"\5\1\0" + name(b"no-such-host.invalid", 80), HOST_UNREACHABLE),
                               (b"\5\1\0" + name(b"", 80), HOST_UNREACHABLE),
                               (b"\5\1\0" + name(b"a\0b", 80), HOST_UNREACHABLE),
                               (b"\5\1\0" + name(b"x" * 255, 80), HOST_UNREACHABLE),
                               (b"\5\1\0" + ipv4("127.0.0.1", 0), NOT_ALLOWED),
                               (b"\5\2\0" + here, NO_COMMAND),
                               (b"\5\0\0" + here, NO_COMMAND),
                               (b"\5\xff\0" + here, NO_COMMAND),
                               (b"\5\1\0\2" + here[1:], NO_ADDRESS_TYPE),
                               (b"\4\1\0" + here, FAILED)):
            with self.subTest(request=request):
                client, got = self.ask(proxy, request)
                if reply is None:
                    self.assertNotEqual(got, OK)
                    continue
                self.assertEqual(got, reply)
                if reply == OK:
                    client.sendall(b"hello")
                    self.assertEqual(peers.receive_exactly(client, 5), b"hello")
                else:
                    self.assertEqual(peers.receive_all(client), b"")

    def test_who_asks_for_datagrams_is_told_that_there_are_no_descriptors(self):
        proxy = self.proxy(socks5=True)
        with peers.connect(proxy.socks5) as client:
            client.sendall(b"\5\1\0")
            self.assertEqual(peers.receive_exactly(client, 2), b"\5\0")
            used = set(map(int, os.listdir(f"/proc/{proxy.pid}/fd")))
            most = next(number for number in itertools.count() if number not in used)
            resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (most, most))
            client.sendall(b"\5\3\0" + ipv4("0.0.0.0", 0))
            self.assertEqual(peers.receive_all(client)[:2], bytes([5, FAILED]))
        self.assertIn("too many open files", self.access_line(proxy)["outcome"])

    def test_the_method_is_chosen_as_rfc_1928_says(self):
        proxy = self.proxy(socks5=True)
        strict = self.proxy("--user", "ada:lovelace", socks5=True)
        for which, greeting, answer in ((proxy, b"\5\1\0", b"\5\0"),
                                        (proxy, b"\5\3\2\1\0", b"\5\0"),
                                        (proxy, b"\5\1\2", b"\5\xff"),
                                        (proxy, b"\5\0", b"\5\xff"),
                                        (strict, b"\5\2\0\2", b"\5\2"),
                                        (strict, b"\5\1\0", b"\5\xff")):
            with self.subTest(greeting=greeting), peers.connect(which.socks5) as client:
                client.sendall(greeting)
                self.assertEqual(peers.receive_exactly(client, 2), answer)
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(peers.receive_all(client), b"")

    def test_names_and_passwords_are_judged_as_rfc_1929_says(self):
        proxy = self.proxy("--user", "ada:love:lace", socks5=True)
        for message, answer in ((b"\1\3ada\x09love:lace", b"\1\0"), (b"\1\3ada\4love", b"\1\1"),
                                (b"\1\0\0", b"\1\1"), (b"\1\10ada:love\4lace", b"\1\1"),
                                (b"\5\3ada\x09love:lace", b"\1\1")):
            with self.subTest(message=message), peers.connect(proxy.socks5) as client:
                client.sendall(b"\5\1\2" + message)
                self.assertEqual(peers.receive_exactly(client, 4), b"\5\2" + answer)
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(peers.receive_all(client), b"")

    def test_bytes_that_come_early_one_by_one_or_cut_short_do_no_harm(self):
        server = peers.Server(self, peers.echo)
        proxy = self.proxy(socks5=True)
        whole = b"\5\1\0\5\1\0" + ipv4("127.0.0.1", server.port)
        for cut in range(len(whole)):
            with peers.connect(proxy.socks5) as client:
                client.sendall(whole[:cut])
                client.shutdown(socket.SHUT_WR)
                self.assertLessEqual(len(peers.receive_all(client)), 2)
        with peers.connect(proxy.socks5) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in whole:
                client.sendall(bytes([byte]))
            self.assertEqual(peers.receive_exactly(client, 12)[:4], b"\5\0\5\0")
        early = peers.random_bytes(700_000)
        with peers.connect(proxy.socks5) as client:
            answer = peers.exchange(client, whole + early)
        self.assertEqual((answer[:4], answer[12:]), (b"\5\0\5\0", early))

    def test_who_does_not_say_what_it_wants_is_cut_off(self):
        proxy = self.proxy("--handshake", 0.05, socks5=True, http=True)
        with peers.connect(proxy.socks5) as client:
            client.sendall(b"\5")
            self.assertEqual(peers.last_words(client), b"")
        with peers.connect(proxy.http) as client:
            client.sendall(b"CONNECT ")
            self.assertIn(b" 408 ", peers.last_words(client))

    def test_garbage_is_survived(self):
        proxy = self.proxy(socks5=True, http=True)
        for port in (proxy.socks5, proxy.http):
            for size in (1, 2, 10, 1000, 100_000):
                with peers.connect(port) as client:
                    try:
                        client.sendall(peers.random_bytes(size))
                        client.shutdown(socket.SHUT_WR)
                        peers.receive_all(client)
                    except OSError:
                        pass  # it may hang up before it has heard all
        with peers.connect(proxy.socks5) as client:
            client.sendall(b"\5\1\0")
            self.assertEqual(peers.receive_exactly(client, 2), b"\5\0")
        self.assertEqual(proxy.end(), 0)


class HttpConnect(peers.Proxied):
    def answer(self, proxy, request):
        with peers.connect(proxy.http) as client:
            return peers.exchange(client, request)

    def test_each_request_gets_the_status_of_rfc_9110(self):
        server = peers.Server(self, peers.echo)
        proxy = self.proxy("--allow-port", server.port, "--allow-port", 80, http=True)
        here = b"127.0.0.1:%d" % server.port
        field = b"x: " + b"y" * 60 + b"\r\n"
        for request, status in (
                (b"CONNECT %s HTTP/1.1\r\nHost: h\r\n\r\n" % here, 200),
                (b"CONNECT %s HTTP/1.0\r\n\r\n" % here, 200),
                (b"CONNECT %s HTTP/1.1\r\nHOST:h\r\nA:\r\nB: \tx\t\r\n\r\n" % here, 200),
                (b"CONNECT %s HTTP/1.1\r\n\r\n" % here, 400),
                (b"CONNECT %s HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n" % here, 400),
                (b"CONNECT %s HTTP/1.1\nHost: h\n\n" % here, 400),
                (b"CONNECT %s HTTP/1.1\r\nHost : h\r\n\r\n" % here, 400),
                (b"CONNECT %s HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n" % here, 400),
                (b"CONNECT %s HTTP/1.1\r\nHost: h\0\r\n\r\n" % here, 400),
                (b"CONNECT %s HTTP/1.1\r\nHost: a\rb\r\n\r\n" % here, 400),
                (b"CONNECT  %s HTTP/1.1\r\nHost: h\r\n\r\n" % here, 400),
                (b"CONNECT 127.0.0.1 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                (b"CONNECT 127.0.0.1:0 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                (b"CONNECT 127.0.0.1:65536 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                (b"CONNECT ::1:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                (b"CONNECT user@h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                (b"CONNECT %s HTTP/2.0\r\nHost: h\r\n\r\n" % here, 505),
                (b"CONNECT %s FTP/1.1\r\nHost: h\r\n\r\n" % here, 400),
                (b"CONNECT %s HTTP/1.x\r\nHost: h\r\n\r\n" % here, 400),
                (b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: h\r\n\r\n", 405),
                (b"CONNECT %s HTTP/1.1\r\nHost: h\r\n%s\r\n" % (here, 99 * field), 200),
                (b"CONNECT %s HTTP/1.1\r\nHost: h\r\n%s\r\n" % (here, 100 * field), 431),
                (b"CONNECT %s HTTP/1.1\r\nHost: h\r\nx: %s\r\n\r\n" % (here, b"y" * 17_000), 431),
                (b"CONNECT 127.0.0.1:81 HTTP/1.1\r\nHost: h\r\n\r\n", 403),
                (b"CONNECT no-such-host.invalid:80 HTTP/1.1\r\nHost: h\r\n\r\n", 502),
                (b"CONNECT %s HTTP/1.1\r\nHost: h" % here, 400), (b"\r\n\r\n", 400),
                (b"\x16\3\1\2\0\n\n\n", 400), (b"", None)):
            with self.subTest(request=request[:60]):
                answer = self.answer(proxy, request)
                if status is None:
                    self.assertEqual(answer, b"")
                    continue
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
                self.assertEqual(answer.count(b"\r\n\r\n"), 1)
                self.assertEqual(b"Content-Length" in answer, status != 200)
                self.assertEqual(b"Allow: CONNECT\r\n" in answer, status == 405)

    def test_a_refusal_names_its_cause(self):
        for proxy, port, status, cause in (
                (self.proxy(http=True), daemons.hold_port(self), 502, b"connection_refused"),
                (self.proxy("--connect", 0.05, http=True), peers.full_listener(self), 504,
                 b"connection_timeout")):
            answer = self.answer(proxy, b"CONNECT 127.0.0.1:%d HTTP/1.0\r\n\r\n" % port)
            self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
            self.assertIn(b"Proxy-Status: coloop-proxy; error=" + cause, answer)

    def test_what_follows_the_head_goes_to_the_target(self):
        server = peers.Server(self, peers.echo)
        proxy = self.proxy(http=True)
        early = peers.random_bytes(700_000)
        head = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: h\r\n\r\n" % server.port
        answer = self.answer(proxy, head + early)
        self.assertEqual(answer.partition(b"\r\n\r\n")[2], early)
        self.assertEqual(int(self.access_line(proxy)["up"]), len(early))

    def test_what_a_client_has_chosen_forges_no_line_of_the_log(self):
        proxy = self.proxy(http=True)
        self.answer(proxy, b'CONNECT a"b=\xff:80 HTTP/1.0\r\n\r\n')
        self.assertEqual(self.access_line(proxy)["target"], r'"a\x22b=\xff:80"')

    def test_the_challenge_is_basic(self):
        proxy = self.proxy("--user", "Aladdin:open sesame", http=True)
        for value, status in ((b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 502),
                              (b"bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 502),
                              (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", 407), (b"Basic ", 407),
                              (b"Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 407)):
            with self.subTest(value=value):
                answer = self.answer(proxy, b"CONNECT no-such-host.invalid:80 HTTP/1.0\r\n"
                                            b"Proxy-Authorization: %s\r\n\r\n" % value)
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
                self.assertEqual(b"Proxy-Authenticate: Basic realm=" in answer, status == 407)


if __name__ == "__main__":
    program.main()
