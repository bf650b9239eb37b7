# SPDX-License-Identifier: MIT
"""apps/proxy between two ends: how bytes and endings pass, and back ends come and go."""

import collections
import hashlib
import os
import re
import resource
import select
import socket
import threading
import time

import daemons
import peers
import program
from scale import endured


class Relay(peers.Proxied):
    def test_a_large_transfer_arrives_whole_both_ways_at_once(self):
        megabytes = peers.scale(256, 32)
        piece = peers.random_bytes(1 << 20)

        def serve(connection):
            if connection.recv(2) == b"go":  # and not a check
                both_ways(connection)

        def both_ways(connection):
            sender = threading.Thread(target=send, args=(connection,))
            sender.start()
            receive(connection)
            sender.join()

        def send(connection):
            for _ in range(megabytes):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)

        def receive(connection):
            digest = hashlib.sha256()
            buffer = bytearray(1 << 20)
            while count := connection.recv_into(buffer):
                digest.update(memoryview(buffer)[:count])
            digests.append(digest.digest())

        digests = []
        server = peers.Server(self, serve)
        proxy = self.proxy(forward=server.address)
        with peers.connect(proxy.forward) as client:
            client.sendall(b"go")
            both_ways(client)
        self.eventually(lambda: len(digests) == 2, "both ends have read all")
        expected = hashlib.sha256()
        for _ in range(megabytes):
            expected.update(piece)
        self.assertEqual(digests, 2 * [expected.digest()])
        access = self.access_line(proxy)
        self.assertEqual((int(access["up"]), int(access["down"]), access["outcome"]),
                         ((megabytes << 20) + 2, megabytes << 20, "done"))

    def test_one_way_ends_and_the_other_goes_on(self):
        server = peers.Server(self, peers.sink_then_digest)
        proxy = self.proxy(forward=server.address)
        data = peers.random_bytes(3_000_000)
        with peers.connect(proxy.forward) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(peers.receive_all(client),
                             hashlib.sha256(data).hexdigest().encode())

    def test_the_server_may_end_first_and_still_read(self):
        got = []

        def handle(connection):
            connection.sendall(b"that is all")
            connection.shutdown(socket.SHUT_WR)
            if text := peers.receive_all(connection):  # a check says nothing
                got.append(text)

        server = peers.Server(self, handle)
        proxy = self.proxy(forward=server.address)
        with peers.connect(proxy.forward) as client:
            self.assertEqual(peers.receive_all(client), b"that is all")
            client.sendall(b"and this is mine")
        self.eventually(lambda: got, "the server has read to the end")
        self.assertEqual(got, [b"and this is mine"])
        self.assertEqual(self.access_line(proxy)["outcome"], "done")

    def test_a_reset_is_passed_on_as_one(self):
        endings = []

        def note_while_reading(connection):
            if connection.recv(1) == b"y":  # and not a check
                connection.sendall(b"x")
                endings.append(peers.ending_of(connection))

        def note_while_writing(connection):
            if peers.receive_all(connection) == b"y":
                with self.assertRaises(OSError):
                    while True:
                        connection.sendall(bytes(1000))
                endings.append("reset")

        for handle in (note_while_reading, note_while_writing):
            proxy = self.proxy(forward=peers.Server(self, handle).address)
            client = peers.connect(proxy.forward)
            client.sendall(b"y")
            if handle is note_while_writing:
                client.shutdown(socket.SHUT_WR)
            peers.receive_exactly(client, 1)
            peers.reset(client)
            self.assertEqual(self.access_line(proxy)["outcome"], "broken")
        self.eventually(lambda: len(endings) == 2, "the servers were told")
        self.assertEqual(endings, ["reset", "reset"])

    def test_a_reset_of_the_server_reaches_the_client_as_one(self):
        def reset(connection):
            connection.recv(1)
            peers.reset(connection)

        proxy = self.proxy(forward=peers.Server(self, reset).address)
        with peers.connect(proxy.forward) as client:
            client.sendall(b"y")
            self.assertEqual(peers.ending_of(client), "reset")

    def test_what_a_server_said_before_it_hung_up_on_an_upload_arrives(self):
        answer = peers.random_bytes(50_000)

        def refuse(connection):
            connection.sendall(answer)  # and closes with the upload unread, which is a reset

        proxy = self.proxy(forward=peers.Server(self, refuse).address)
        with peers.connect(proxy.forward) as client:
            got = peers.receive_all(client)
            self.assertEqual(got, answer)

    def test_a_slow_reader_makes_its_peer_wait_and_takes_little_memory(self):
        def flood(connection):
            piece = bytes(1 << 20)
            while True:
                connection.sendall(piece)

        proxy = self.proxy(forward=peers.Server(self, flood).address)
        before = proxy.resident_kib()
        slow = [peers.connect(proxy.forward) for _ in range(20)]
        for client in slow:
            self.addCleanup(client.close)
            peers.receive_exactly(client, 300_000)
        with peers.connect(proxy.forward) as quick:  # the others hold nobody up
            for _ in range(peers.scale(200, 20)):
                peers.receive_exactly(quick, 1_000_000)
        self.assertLess(proxy.resident_kib() - before, peers.scale(1, 10) * 30_000)

    def test_who_moves_nothing_for_too_long_is_cut_off_and_others_are_not(self):
        limit = 0.5
        proxy = self.proxy("--idle", limit, forward=peers.Server(self, peers.echo).address)
        self.eventually(lambda: self.only_the_idle_one_is_cut_off(proxy, limit),
                        "one has moved something all the time")
        proxy.wait_for("event=access .*outcome=idle")

    def only_the_idle_one_is_cut_off(self, proxy, limit):
        """False if nothing was moved for the other one either, since the machine had no time."""
        last_moved = time.monotonic()  # at the earliest
        with peers.connect(proxy.forward) as idle, peers.connect(proxy.forward) as busy:
            while not select.select([idle], [], [], 0.05)[0]:
                begin = time.monotonic()
                try:
                    busy.sendall(b"x")
                    moved = busy.recv(1) == b"x"
                except ConnectionError:
                    moved = False
                if not moved:
                    self.assertGreaterEqual(time.monotonic() - last_moved, limit)
                    return False
                last_moved = begin
            return peers.last_words(idle) == b""

    def test_what_is_left_when_the_time_of_grace_is_over_is_cut_off(self):
        proxy = self.proxy("--grace", 0.2, forward=peers.Server(self, peers.echo).address)
        with peers.connect(proxy.forward) as client:
            client.sendall(b"x")
            peers.receive_exactly(client, 1)
            self.assertEqual(proxy.end(), 0)
            self.assertEqual(peers.ending_of(client), "reset")
        self.assertIn("event=cut_off connections=1", proxy.text)
        self.assertIn("drained, 1 connections served", proxy.text)


class Backends(peers.Proxied):
    def named_servers(self, count):
        return [peers.Server(self, peers.say(b"%d" % i)) for i in range(count)]

    def ask(self, proxy):
        with peers.connect(proxy.forward) as client:
            return peers.receive_all(client)

    def test_back_ends_take_turns(self):
        servers = self.named_servers(3)
        proxy = self.proxy(forward=",".join(server.address for server in servers))
        answers = collections.Counter(self.ask(proxy) for _ in range(9))
        self.assertEqual(answers, {b"0": 3, b"1": 3, b"2": 3})

    def test_those_that_are_left_share_the_turns_of_one_that_is_down(self):
        places = [f"127.0.0.1:{daemons.hold_port(self)}"]
        places += [server.address for server in self.named_servers(2)]
        proxy = self.proxy("--check-interval", 1000, forward=",".join(places))
        proxy.wait_for("state=down")
        answers = collections.Counter(self.ask(proxy) for _ in range(8))
        self.assertEqual(answers, {b"0": 4, b"1": 4})

    def test_a_back_end_may_have_a_name_or_an_address_of_either_family(self):
        for host, name in (("127.0.0.1", "localhost"), ("127.0.0.1", "127.0.0.1"),
                           ("::1", "[::1]")):
            server = peers.Server(self, peers.say(b"here"), host)
            self.assertEqual(self.ask(self.proxy(forward=f"{name}:{server.port}")), b"here")

    def test_a_proxy_without_descriptors_does_not_call_a_back_end_down(self):
        server = peers.Server(self, peers.echo)
        proxy = self.proxy("--max-connections", 1000, "--check-interval", 0.05,
                           forward=server.address)
        most = max(map(int, os.listdir(f"/proc/{proxy.pid}/fd"))) + 12
        _, hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (most, hard))
        clients = [socket.socket() for _ in range(20)]
        for client in clients:
            client.connect_ex(("127.0.0.1", proxy.forward))  # may be reset before it returns
        proxy.wait_for("too many open files")
        # A client takes two, its own and the back end's: with one more, the last one gets only one.
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (most + 1, hard))
        self.eventually(lambda: re.search("outcome=.*too many open files", proxy.text),
                        "there is none for a back end")
        for client in clients:
            client.close()
        self.eventually(lambda: self.is_answered(proxy), "there are descriptors again")
        self.assertNotIn("state=down", proxy.text)

    def is_answered(self, proxy):
        try:
            with peers.connect(proxy.forward) as client:
                client.sendall(b"x")
                return client.recv(1) == b"x"
        except ConnectionError:
            return False

    def test_a_back_end_that_refuses_is_passed_over_and_comes_back_when_checks_say_so(self):
        port = daemons.hold_port(self)
        server = peers.Server(self, peers.say(b"0"))
        proxy = self.proxy("--check-interval", 0.05, forward=f"{server.address},127.0.0.1:{port}")
        self.assertEqual({self.ask(proxy) for _ in range(10)}, {b"0"})
        down = proxy.wait_for(rf"event=backend name=127.0.0.1:{port} state=down reason=(.*)")[1]
        self.assertIn("refused", down)
        revived = peers.Server(self, peers.say(b"1"), port=port)
        proxy.wait_for(rf"event=backend name=127.0.0.1:{port} state=up")
        self.assertEqual({self.ask(proxy) for _ in range(10)}, {b"0", b"1"})
        revived.stop()
        proxy.wait_for(rf"event=backend name=127.0.0.1:{port} state=down")

    def test_checks_find_one_that_is_silent_before_a_client_does(self):
        server = peers.Server(self, peers.say(b"here"))
        address = f"127.0.0.1:{peers.full_listener(self)}"
        proxy = self.proxy("--check-interval", 0.05, "--check-timeout", 1, "--connect", 10,
                           forward=f"{address},{server.address}")
        down = proxy.wait_for(rf"event=backend name={address} state=down reason=(.*)")[1]
        self.assertIn("timed out", down)
        self.assertEqual({self.ask(proxy) for _ in range(10)}, {b"here"})

    def test_a_client_that_nobody_is_there_for_is_reset_and_served_when_somebody_is(self):
        port = daemons.hold_port(self)
        proxy = self.proxy("--check-interval", 1000, forward=f"127.0.0.1:{port}")
        try:
            with peers.connect(proxy.forward) as client:
                ending = peers.ending_of(client)
        except ConnectionResetError:  # so soon that connecting hears of it
            ending = "reset"
        self.assertEqual(ending, "reset")
        self.assertIn("refused", self.access_line(proxy)["outcome"])
        peers.Server(self, peers.say(b"at last"), port=port)
        self.assertEqual(self.ask(proxy), b"at last")  # better than to refuse


class Flat(peers.Proxied):
    def test_memory_and_descriptors_are_flat_after_many_connections_that_come_and_go(self):
        port, _ = daemons.start_nginx(self)
        environment = dict(os.environ)
        if "ASAN_OPTIONS" in environment:  # which keeps what was freed
            environment["ASAN_OPTIONS"] += ":quarantine_size_mb=1"
        proxy = self.proxy("--no-access-lines", forward=f"127.0.0.1:{port}", env=environment)
        self.come_and_go(proxy, peers.scale(2_000, 1_000))
        memory, descriptors = proxy.resident_kib(), proxy.descriptors()
        count = endured(100_000, sanitized=3_000)
        self.come_and_go(proxy, count)
        self.eventually(lambda: proxy.descriptors() <= descriptors, "descriptors as before")
        most = 1.1 * memory + peers.scale(2_000, 20_000)
        self.eventually(lambda: proxy.resident_kib() < most, "memory is given back")
        self.assertEqual(proxy.end(), 0)
        served = int(re.search(r"drained, (\d+) connections served", proxy.text)[1])
        self.assertGreater(served, count)

    def come_and_go(self, proxy, count):
        """Connections of one request each, 50 at once."""
        report = self.run_client("ab", "-q", "-s", 600, "-n", count, "-c", 50,
                                 f"http://127.0.0.1:{proxy.forward}/", timeout=600)
        self.assertRegex(report, r"Failed requests: +0\n")


if __name__ == "__main__":
    program.main()
