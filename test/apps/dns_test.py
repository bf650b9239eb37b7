# SPDX-License-Identifier: MIT
"""Lets dig, host, dnsperf, nsd and hostile sockets judge apps/dns."""

import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import unittest

import daemons
import dns_parts as dns
import program
from scale import endured, scaled

ZONE = """\
$TTL 300
@       SOA  ns1 admin 1 7200 3600 86400 250
        NS   ns1
ns1     A    127.0.0.1
www     A    192.0.2.1
        A    192.0.2.2
alias   CNAME www
chain   CNAME alias
loop    CNAME pool
pool    CNAME loop
out     CNAME www.elsewhere.test.
*.wild  A    192.0.2.7
host.wild TXT "not the star"
deep.a.b A   192.0.2.8
sub     NS   ns.sub
ns.sub  A    192.0.2.53
short   2 A  192.0.2.9
""" + "".join(f'big TXT "{i:02} {"x" * 200}"\n' for i in range(20))


class Dns(program.Judgement):
    def setUp(self):
        super().setUp()
        self.zone = self.folder / "zone"
        self.zone.write_text(ZONE)

    def serve_dns(self, *arguments, **options):
        patience = () if "--idle" in arguments else ("--idle", 600)
        return self.serve("dns", *arguments, *patience, **options)

    def serve_zone(self, **options):
        return self.serve_dns("--zone", f"example.test={self.zone}", **options)

    def forward_to(self, *places, more=(), **options):
        return self.serve_dns(*(part for place in places for part in ("--upstream", place)), *more, **options)

    def dig(self, server, *arguments):
        """What dig says: all, and without what it says of itself."""
        return self.run_client("dig", f"@{server.host}", "-p", server.port, "+tries=1", "+time=120",
                               *arguments, expect=None)

    def short(self, server, *arguments):
        return self.dig(server, "+short", *arguments).split()

    def start_nsd(self):
        # An address of its own, of the many that lead to this machine, so its port is free.
        address = "127.%d.%d.%d" % tuple(random.randrange(1, 255) for _ in range(3))
        port = 5300
        config = self.folder / "nsd.conf"
        config.write_text(f"""
server:
    ip-address: {address}@{port}
    username: ""
    server-count: 1
    zonesdir: "{self.folder}"
    pidfile: ""
    database: ""
    zonelistfile: "{self.folder}/zone.list"
    xfrdfile: "{self.folder}/xfrd.state"
    cookie-secret-file: ""
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: example.test
    zonefile: "{self.zone}"
""")
        daemon = subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", config], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        ask = ["dig", f"@{address}", "-p", port, "+tries=1", "+time=1", "+short", "www.example.test"]
        self.eventually(lambda: "192.0.2.1" in self.run_client(*ask, expect=None), "nsd answers")
        return f"{address}:{port}"

    def ask(self, server, *messages):
        """Sends queries from one socket and returns as many answers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(program.PATIENCE)
            for message in messages:
                client.sendto(message, (server.host, server.port))
            return [client.recv(4096) for _ in messages]

    def stats(self, server):
        server.process.send_signal(signal.SIGUSR1)
        line = server.wait_for("event=stats (.*)")[1]
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}

    def test_from_the_moment_it_listens_it_can_be_asked_for_figures(self):
        for _ in range(5):
            self.assertEqual(self.stats(self.serve_zone())["queries"], 0)

    def test_a_zone_is_answered_for_as_its_file_says(self):
        server = self.serve_zone()
        self.assertEqual(sorted(self.short(server, "www.example.test")), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.short(server, "chain.example.test")[:2],
                         ["alias.example.test.", "www.example.test."])
        self.assertEqual(self.short(server, "out.example.test"), ["www.elsewhere.test."])
        self.assertIn("CNAME", self.dig(server, "loop.example.test"))
        self.assertEqual(self.short(server, "alias.example.test", "ANY"), ["www.example.test."])
        self.assertEqual(self.short(server, "any.thing.wild.example.test"), ["192.0.2.7"])
        nodata = self.dig(server, "host.wild.example.test")
        for text in nodata, self.dig(server, "b.example.test"), self.dig(server, "www.example.test", "MX"):
            self.assertRegex(text, "status: NOERROR.*\n;; flags: qr aa rd; .*ANSWER: 0, AUTHORITY: 1")
            self.assertRegex(text, r"\t250\tIN\tSOA")
        denied = self.dig(server, "no.such.example.test")
        self.assertRegex(denied, "status: NXDOMAIN.*\n;; flags: qr aa rd;")
        self.assertRegex(denied, r"\t250\tIN\tSOA")
        referral = self.dig(server, "x.sub.example.test", "+norec")
        self.assertRegex(referral, "flags: qr; .*ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2")
        self.assertIn("192.0.2.53", referral)
        self.assertIn("has address 192.0.2.7", self.run_client(
            "host", "-W", 120, "-p", server.port, "a.wild.example.test", server.host))

    def test_what_is_not_for_us_gets_the_error_that_the_protocol_says(self):
        server = self.serve_zone()
        for status, *arguments in (
                ("REFUSED", "elsewhere.test"), ("REFUSED", "www.example.test", "CH", "TXT"),
                ("BADVERS", "www.example.test", "+edns=1", "+noednsneg"),
                ("NOTIMP", "www.example.test", "+opcode=notify"),
                ("NOERROR", "www.example.test", "+ednsopt=65001:abcd")):
            self.assertIn(f"status: {status}", self.dig(server, *arguments))
        self.assertIn("Transfer failed", self.dig(server, "example.test", "AXFR"))
        self.assertEqual(self.short(server, "host.wild.example.test", "ANY", "+notcp"), ['"not', 'the', 'star"'])
        self.assertIn("NXDOMAIN", self.dig(server, "no.example.test", "ANY"))
        self.assertNotIn("EDNS", self.dig(server, "www.example.test", "+noedns"))
        name = dns.name_bytes("www.example.test")
        edns = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
        head = lambda questions, more: struct.pack("!6H", 7, 0x0100, questions, 0, 0, more)
        for message in (
                head(0, 0), head(2, 0) + 2 * (name + b"\0\1\0\1"),  # no question, and two
                head(1, 0) + name[:-3], head(1, 0) + name, head(1, 0) + b"\xc0\x0c\0\1\0\1",
                head(1, 0) + 5 * (b"\x3f" + 63 * b"x") + b"\0\0\1\0\1", head(1, 0) + b"\x40x\0\0\1\0\1",
                head(1, 1) + name + b"\0\1\0\1", head(1, 2) + name + b"\0\1\0\1" + 2 * edns,
                head(1, 1) + name + b"\0\1\0\1" + edns[:-2] + b"\0\5\0\1\0\9"):
            [reply] = self.ask(server, message)
            self.assertEqual((reply[:2], reply[3] & 15), (b"\0\7", 1), message)

    def test_the_case_of_the_question_is_kept(self):
        near = self.serve_zone()
        far = self.forward_to(f"127.0.0.1:{near.port}", more=("--timeout", 600))
        for server in near, far:
            for name in "wWw.eXample.tEst", "WWW.example.test", "nO.example.TEST":
                [reply] = self.ask(server, dns.query(name))
                self.assertIn(dns.name_bytes(name), reply)

    def test_what_is_too_long_for_a_datagram_comes_over_tcp(self):
        for server in self.serve_zone(), self.forward_to(self.start_nsd(), more=("--timeout", 600)):
            cut = self.dig(server, "big.example.test", "TXT", "+ignore")
            self.assertRegex(cut, "flags: qr (aa )?tc rd")
            self.assertIn("ANSWER: 0", cut)
            self.assertEqual(self.dig(server, "big.example.test", "TXT", "+short").count("x" * 200), 20)
            self.assertIn(" tc ", self.dig(server, "big.example.test", "TXT", "+noedns", "+ignore"))
        self.assertEqual(self.stats(server)["upstream_tcp"], 1)

    def test_what_is_too_long_for_any_message_is_a_failure(self):
        def texts(owner, last):
            strings = lambda count, letter: f'"{letter * 255}" ' * count
            return "".join(f"{owner} TXT {strings(25, letter)}\n" for letter in "abcdefghi") + (
                f'{owner} TXT {strings(30, "j")} "{"k" * last}"\n')

        self.zone.write_text(ZONE + texts("t1", 90) + texts("t2", 91))
        server = self.serve_zone()
        most = self.dig(server, "+tcp", "t1.example.test", "TXT")
        self.assertIn("MSG SIZE  rcvd: 65535", most)
        self.assertIn("status: SERVFAIL", self.dig(server, "+tcp", "t2.example.test", "TXT"))

    def test_what_nsd_says_is_kept_until_its_time_is_up(self):
        server = self.forward_to(self.start_nsd(), more=("--timeout", 600))
        for name in "www", "no.such", "alias", "a.wild":
            first = self.dig(server, f"{name}.example.test")
            self.assertIn("flags: qr rd ra;", first)
            for _ in range(2):
                again = self.dig(server, f"{name}.example.test")
                self.assertEqual(set(re.findall("status: .*,|192.0.2.*", first)),
                                 set(re.findall("status: .*,|192.0.2.*", again)))
        self.assertRegex(self.dig(server, "no.such.example.test"), r"\t(250|[12]?\d?\d)\tIN\tSOA")
        self.assertEqual(self.stats(server)["asked"], 4)
        self.assertEqual(self.short(server, "chain.example.test")[:2],
                         ["alias.example.test.", "www.example.test."])
        ttl = lambda: int(re.search(r"\t(\d+)\tIN\tA\t192.0.2.1", self.dig(server, "www.example.test"))[1])
        self.eventually(lambda: ttl() < 299, "it counts down")
        self.assertEqual(self.short(server, "short.example.test"), ["192.0.2.9"])
        before = self.stats(server)["asked"]
        self.eventually(lambda: self.short(server, "short.example.test") and
                        self.stats(server)["asked"] > before, "asked again after two seconds")

    def test_equal_questions_are_asked_once(self):
        upstream, arrived, go_on = self.hold_upstream()
        server = self.forward_to(upstream.place, more=("--timeout", 600))
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
        for number, client in enumerate(clients):
            self.addCleanup(client.close)
            client.settimeout(program.PATIENCE)
            client.sendto(dns.query("WWW.x.test" if number % 2 else "www.x.test", number=number),
                          (server.host, server.port))
        self.assertTrue(arrived.wait(program.PATIENCE))
        self.eventually(lambda: self.stats(server)["joined"] == 49, "all wait for the one")
        go_on.set()
        for number, client in enumerate(clients):
            self.assertEqual(client.recv(512)[:2], struct.pack("!H", number))
        self.assertEqual(len(upstream.asked), 1)

    def test_answers_that_do_not_belong_are_not_believed(self):
        def reply(upstream, message, sender):
            number = struct.unpack_from("!H", message)[0]
            wrong = [
                dns.answer(message, dns.address("6.6.6.1"), number=number ^ 1),
                dns.answer(message, dns.address("6.6.6.2"), question=dns.name_bytes("bad.test") + b"\0\1\0\1"),
                dns.answer(message, dns.address("6.6.6.3"), flags=0x0100),
                dns.answer(message, dns.address("6.6.6.4"))[:-2],
                dns.answer(message, (5, 300, b"\xc0" + bytes([len(dns.question_of(message)[1]) + 24]))),
                message, b"", message[:5], os.urandom(100)]
            for answer in wrong:
                upstream.send(answer, sender)
            # Two that were sent after each other might overtake each other.
            self.eventually(lambda: self.stats(server)["upstream_wrong"] == len(wrong), "all came")
            stranger.sendto(dns.answer(message, dns.address("6.6.6.7")), sender)
            upstream.send(dns.answer(message, dns.address("192.0.2.33")), sender)

        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(stranger.close)
        server = self.forward_to(dns.Upstream(self, reply).place, more=("--timeout", 600))
        self.assertEqual(self.short(server, "good.test"), ["192.0.2.33"])
        self.assertEqual(self.stats(server)["upstream_wrong"], 9)

    def test_ids_and_ports_of_questions_can_not_be_guessed(self):
        upstream = dns.Upstream(self, lambda upstream, message, sender: upstream.send(
            dns.answer(message, dns.address()), sender))
        server = self.forward_to(upstream.place, more=("--timeout", 600))
        for number in range(50):
            self.ask(server, dns.query(f"n{number}.test"))
        numbers = [struct.unpack_from("!H", message)[0] for message, _ in upstream.asked]
        for values in numbers, [sender[1] for _, sender in upstream.asked]:
            self.assertGreater(len(set(values)), 45)
            steps = {later - earlier for earlier, later in zip(values, values[1:])}
            self.assertGreater(len(steps), 25)

    def test_dead_and_silent_and_failing_upstreams_are_passed_over(self):
        dead = f"127.0.0.1:{daemons.hold_udp_port(self)}"
        silent = dns.Upstream(self, lambda *_: None)
        failing = dns.Upstream(self, lambda upstream, message, sender: upstream.send(
            dns.answer(message, code=2), sender))
        good = dns.Upstream(self, lambda upstream, message, sender: upstream.send(
            dns.answer(message, dns.address()), sender))
        server = self.forward_to(dead, silent.place, failing.place, good.place,
                                 more=("--timeout", 2, "--rounds", 10))
        for number in range(5):
            self.assertEqual(self.short(server, f"n{number}.test"), ["192.0.2.1"])
        self.assertLess(len(silent.asked), 5)  # it goes on with the one that has answered
        hopeless = self.forward_to(silent.place, failing.place, more=("--timeout", 0.1, "--rounds", 2))
        self.assertIn("status: SERVFAIL", self.dig(hopeless, "www.test"))
        self.assertEqual(self.stats(hopeless)["upstream_sent"], 4)

    def test_queries_of_one_connection_are_answered_as_answers_come(self):
        go_on = threading.Event()

        def reply(upstream, message, sender):
            if b"slow" in message:
                go_on.wait(program.PATIENCE)
            upstream.send(dns.answer(message, dns.address()), sender)

        self.addCleanup(go_on.set)
        server = self.forward_to(dns.Upstream(self, reply).place,
                                 more=("--timeout", 600, "--zone", f"example.test={self.zone}"))
        with socket.create_connection((server.host, server.port), program.PATIENCE) as client:
            pack = lambda message: struct.pack("!H", len(message)) + message
            pipeline = b"".join(pack(message) for message in (
                dns.query("slow.test", number=1), dns.query("www.example.test", number=2),
                dns.query("no.example.test", number=3)))
            for byte in pipeline[:40]:
                client.sendall(bytes([byte]))
            client.sendall(pipeline[40:])
            file = client.makefile("rb")

            def next_number():
                size = struct.unpack("!H", file.read(2))[0]
                return struct.unpack_from("!H", file.read(size))[0]

            self.assertEqual([next_number(), next_number()], [2, 3])
            client.shutdown(socket.SHUT_WR)  # who has asked may still hear
            go_on.set()
            self.assertEqual(next_number(), 1)
            self.assertEqual(file.read(), b"")
            file.close()

    def hold_upstream(self):
        """An upstream that answers only when the second event is set, and sets the first when asked."""
        arrived, go_on = threading.Event(), threading.Event()

        def reply(upstream, message, sender):
            arrived.set()
            go_on.wait(program.PATIENCE)
            upstream.send(dns.answer(message, dns.address()), sender)

        upstream = dns.Upstream(self, reply)
        self.addCleanup(go_on.set)
        return upstream, arrived, go_on

    def ask_held(self, server, arrived):
        """A socket from which a question has come to the upstream."""
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(program.PATIENCE)
        client.sendto(dns.query("www.x.test"), (server.host, server.port))
        self.assertTrue(arrived.wait(program.PATIENCE))
        return client

    def test_whoever_asks_first_may_go_away(self):
        upstream, arrived, go_on = self.hold_upstream()
        server = self.forward_to(upstream.place, more=("--timeout", 600))
        leader = socket.create_connection((server.host, server.port))
        leader.sendall(b"\0\x1c" + dns.query("www.x.test"))
        self.assertTrue(arrived.wait(program.PATIENCE))
        follower = self.ask_held(server, arrived)
        self.eventually(lambda: self.stats(server)["joined"] == 1, "both wait for the one")
        descriptors = server.descriptors()
        leader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        leader.close()
        self.eventually(lambda: server.descriptors() < descriptors, "the server knows that one is gone")
        go_on.set()
        self.assertIn(socket.inet_aton("192.0.2.1"), follower.recv(512))
        self.assertEqual(len(upstream.asked), 1)

    def test_what_waits_is_answered_before_the_end(self):
        upstream, arrived, go_on = self.hold_upstream()
        server = self.forward_to(upstream.place, more=("--timeout", 600, "--grace", 600))
        client = self.ask_held(server, arrived)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("event=end")
        go_on.set()
        self.assertIn(socket.inet_aton("192.0.2.1"), client.recv(512))
        self.assertEqual(server.end(None), 0)

    def test_a_second_signal_ends_it_though_queries_wait(self):
        upstream, arrived, _ = self.hold_upstream()
        server = self.forward_to(upstream.place, more=("--timeout", 3600, "--grace", 3600))
        self.ask_held(server, arrived)
        server.process.send_signal(signal.SIGINT)
        server.wait_for("event=end")
        self.assertEqual(server.end(signal.SIGINT), 0)  # and not in an hour

    def test_no_more_than_a_thousand_queries_wait(self):
        upstream, arrived, go_on = self.hold_upstream()
        server = self.forward_to(upstream.place, more=("--timeout", 3600))
        client = self.ask_held(server, arrived)
        for waiting in range(100, 1001, 100):
            for _ in range(100 if waiting > 100 else 99):
                client.sendto(dns.query("www.x.test"), (server.host, server.port))
            self.eventually(lambda: self.stats(server)["joined"] == waiting - 1, "they wait")
        for _ in range(2):
            self.assertEqual(self.ask(server, dns.query("www.x.test"))[0][3] & 15, 2)
        self.assertIn("status: SERVFAIL", self.dig(server, "+tcp", "another.test"))
        go_on.set()
        self.assertIn(socket.inet_aton("192.0.2.1"), client.recv(512))
        self.eventually(lambda: self.short(server, "another.test") == ["192.0.2.1"], "there is room")

    def test_a_client_that_never_reads_is_cut_off(self):
        server = self.serve_dns("--zone", f"example.test={self.zone}", "--idle", 0.3)
        queries = 1000 * (b"\0\x22" + dns.query("big.example.test", dns.TXT))
        with socket.create_connection((server.host, server.port), program.PATIENCE) as client:
            with self.assertRaises(ConnectionError):
                while True:
                    client.sendall(queries)
        self.assertEqual(self.short(server, "alias.example.test", "CNAME"), ["www.example.test."])

    def test_garbage_does_no_harm(self):
        near = self.serve_zone()
        server = self.forward_to(f"127.0.0.1:{near.port}", more=("--timeout", 5, "--rounds", 1))
        dice = random.Random(1)
        valid = dns.query("www.example.test") + b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for number in range(scaled(5000)):
                message = bytearray(valid if number % 2 else dice.randbytes(dice.randrange(100)))
                for _ in range(number % 5):
                    if message:
                        message[dice.randrange(len(message))] = dice.randrange(256)
                for target in near, server:
                    client.sendto(message[:dice.randrange(len(message) + 1) if number % 7 == 0 else None],
                                  (target.host, target.port))
        for number in range(scaled(200)):
            with socket.create_connection((near.host, near.port)) as client:
                client.sendall(dice.randbytes(dice.randrange(2000)))
        for target in near, server:
            self.eventually(lambda: "192.0.2.1" in self.short(target, "www.example.test"), "it goes on")
            self.assertEqual(target.end(), 0)

    def test_the_cache_keeps_to_its_size(self):
        near = self.serve_zone()
        server = self.forward_to(f"127.0.0.1:{near.port}", more=("--cache", 100_000, "--timeout", 600))
        for number in range(scaled(2000)):
            self.ask(server, dns.query(f"n{number}.wild.example.test"))
        stats = self.stats(server)
        self.assertEqual(stats["asked"], scaled(2000))
        self.assertLessEqual(stats["cache_bytes"], 100_000)
        self.assertGreater(stats["cache_entries"], 100)

    def test_dnsperf_loses_nothing_and_leaves_nothing_behind(self):
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        environment = {**os.environ, "ASAN_OPTIONS": sanitizer}
        near = self.serve_zone(env=environment)
        server = self.forward_to(f"127.0.0.1:{near.port}", more=("--timeout", 600), env=environment)
        queries = self.folder / "queries"
        queries.write_text("".join(f"n{i % 50}.wild.example.test A\nno{i % 50}.example.test A\n"
                                   "www.example.test A\n" for i in range(endured(5000, sanitized=500))))

        def perform(target, *arguments):
            text = self.run_client("dnsperf", "-s", target.host, "-p", target.port, "-d", queries,
                                   "-n", 1, "-t", 120, "-q", 20, *arguments)
            self.assertRegex(text, r"Queries completed: +\d+ \(100.00%\)")

        for target in near, server:
            perform(target)
            perform(target, "-m", "tcp", "-c", 10)
            descriptors, memory = target.descriptors(), target.resident_kib()
            perform(target)
            perform(target, "-m", "tcp", "-c", 10)
            for number in range(endured(2000, sanitized=200)):
                place = (target.host, target.port)
                with socket.create_connection(place, program.PATIENCE) as client:
                    client.sendall(b"\0\x22" + dns.query("www.example.test"))
                    if number % 10 == 0:  # those before have been accepted, too
                        client.recv(1)
            self.eventually(lambda: target.descriptors() <= descriptors, "all closed")
            self.assertLess(target.resident_kib() - memory, 8000)
        self.assertEqual(server.end(), 0)
        self.assertIn("event=end queries=", server.text)

    def test_options_that_make_no_sense_are_refused(self):
        self.zone.write_text("$TTL 5\n@ SOA a b 1 2 3 4 5\n")
        for wrong in "--cache=-1", "--idle=0", "--timeout=nan", "--upstream=127.0.0.1:0", \
                f"--zone=a.test={self.zone} --zone=A.test.={self.zone}":
            server = self.start("dns", "--port", 0, *wrong.split())
            self.assertNotEqual(server.end(None), 0)
            self.assertIn(wrong.split("=")[0], server.text)

    def test_a_zone_with_a_mistake_is_refused_with_its_place(self):
        for text, complaint in (("@ SOA a b 1 2 3 4 5\nx A 1.2.3\n", "zone:2"), ("x A 1.2.3.4\n", "no SOA")):
            self.zone.write_text("$TTL 5\n" + text if complaint != "zone:2" else text)
            server = self.start("dns", "--port", 0, "--zone", f"example.test={self.zone}")
            self.assertEqual(server.end(None), 1)
            self.assertIn(complaint, server.text)


if __name__ == "__main__":
    program.main()
