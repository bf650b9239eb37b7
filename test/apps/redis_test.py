# SPDX-License-Identifier: MIT
"""Unmodified clients of Redis, and sockets that send garbage, judge apps/redis."""

import contextlib
import os
import pathlib
import random
import resource
import signal
import socket
import struct

import program
import resp
from scale import SANITIZED, endured


class RedisTest(program.Judgement):
    def cli(self, server, *words, **options):
        return self.run_client("redis-cli", "-p", server.port, *words, **options)

    def test_redis_cli_gets_what_it_asks_for(self):
        server = self.serve("redis")
        self.assertEqual(self.cli(server, "set", "greeting", "hello"), "OK\n")
        self.assertEqual(self.cli(server, "get", "greeting"), "hello\n")
        self.assertEqual(self.cli(server, "hset", "h", "a", "1", "b", "2"), "2\n")
        self.assertEqual(self.cli(server, "--json", "-3", "hget", "h", "a"), '"1"\n')
        self.assertIn("redis_version", self.cli(server, "info", "server"))
        self.assertEqual(self.cli(server, "-3", "config", "get", "appendonly"), "appendonly no\n")
        self.assertEqual(sorted(self.cli(server, "--scan").split()), ["greeting", "h"])
        script = "MULTI\nINCR n\nINCR n\nEXEC\nEVAL x 0\n"
        self.assertIn("QUEUED\nQUEUED\n1\n2\nERR unknown command 'EVAL'", self.cli(server, input=script))
        self.assertIn("keys", self.cli(server, "--bigkeys"))
        many = b"".join(resp.encode("SET", f"key:{i}", i) for i in range(10000))
        done = self.cli(server, "--pipe", "--pipe-timeout", 0, input=many, text=False)
        self.assertIn(b"errors: 0, replies: 10000", done)

    def test_redis_benchmark_runs_all_its_commands(self):
        server = self.serve("redis")
        for pipeline in 1, 16:
            out = self.run_client("redis-benchmark", "-p", server.port, "-q", "-n",
                                  endured(3000, sanitized=300), "-P", pipeline, "-r", 100,
                                  timeout=250)
            for name in "GET", "SET", "LRANGE_100", "ZPOPMIN", "MSET (10 keys)", "SPOP", "HSET":
                self.assertIn(f"{name}", out)
            self.assertNotIn("Error", out)

    def test_the_python_client_does_what_it_can(self):
        server = self.serve("redis")
        # Debian's Python has the client; the one that runs this may be another.
        self.run_client("/usr/bin/python3", pathlib.Path(__file__).parent / "judges/redis_client.py",
                        server.port)

    def test_large_values_come_back_as_they_were(self):
        server = self.serve("redis")
        value = random.Random(1).randbytes((4 if SANITIZED else 64) << 20)
        with resp.Connection(server) as client:
            self.assertEqual(client.call("SET", "large", value), "OK")
            self.assertTrue(client.call("GET", "large") == value)
            self.assertEqual(client.call("APPEND", "large", value[:10]), len(value) + 10)
            self.assertEqual(client.call("GETRANGE", "large", len(value), -1), value[:10])

    def test_memory_of_large_requests_is_given_back(self):
        server = self.serve("redis")
        with resp.Connection(server) as client:
            client.call("SET", "large", bytes(32 << 20))
            client.call("SET", "large", "small")
            client.call("DEL", "large")
            self.eventually(lambda: server.resident_kib() < (512 << 10 if SANITIZED else 24 << 10),
                            "the memory of the request is given back")

    def test_a_deep_pipeline_is_answered_in_order(self):
        server = self.serve("redis")
        count = 5000 if SANITIZED else 100000
        with resp.Connection(server) as client:
            self.assertEqual(client.pipeline([resp.encode("INCR", "n")] * count),
                             list(range(1, count + 1)))

    def test_requests_may_come_byte_by_byte(self):
        server = self.serve("redis")
        with resp.Connection(server) as client:
            for byte in resp.encode("SET", "k", b"\r\n$3") + b"\r\n  GET  \"k\" \r\n":
                client.socket.sendall(bytes([byte]))
            self.assertEqual((client.read(), client.read()), ("OK", b"\r\n$3"))

    def test_garbage_gets_the_error_that_redis_prescribes(self):
        server = self.serve("redis")
        for garbage, error in {
            b"*abc\r\n": "invalid multibulk length",
            b"*9999999999\r\n": "invalid multibulk length",
            b"*1\r\n:1\r\n": "expected '$', got ':'",
            b"*1\r\n$-1\r\n": "invalid bulk length",
            b"*1\r\n$536870913\r\n": "invalid bulk length",
            b"*1\r\n$1x\r\n": "invalid bulk length",
            b"*" + b"1" * 70000: "too big mbulk count string",
            b"*1\r\n$" + b"1" * 70000: "too big bulk count string",
            b"x" * 70000: "too big inline request",
            b'get "a\r\n': "unbalanced quotes in request",
        }.items():
            with resp.Connection(server) as client:
                client.socket.sendall(garbage)
                self.assertEqual(client.rest().decode(), f"-ERR Protocol error: {error}\r\n")
        noise = random.Random(2)
        for _ in range(50):
            with resp.Connection(server) as client:
                client.socket.sendall(noise.randbytes(noise.randrange(2000)))
                client.socket.shutdown(socket.SHUT_WR)
                client.rest()
        with resp.Connection(server) as client:
            self.assertEqual(client.call("PING"), "PONG")

    def test_clients_that_vanish_leave_nothing_behind(self):
        server = self.serve("redis")
        noise = random.Random(3)
        judge = resp.Connection(server)
        self.addCleanup(judge.close)
        alone = lambda: b"connected_clients:1\r\n" in judge.call("INFO", "clients")
        self.eventually(alone, "there is one client")
        before = server.descriptors()
        requests = [resp.encode("SET", "k", bytes(100000)), resp.encode("GET", "k") * 50,
                    resp.encode("BLPOP", "q", "0"), resp.encode("SUBSCRIBE", "c"),
                    resp.encode("MULTI") + resp.encode("INCR", "n"), resp.encode("WATCH", "k")]
        for _ in range(100 if SANITIZED else 300):
            client = socket.create_connection((server.host, server.port))
            request = noise.choice(requests)
            client.sendall(request[:noise.choice([len(request), noise.randrange(len(request))])])
            if noise.random() < 0.5:  # a reset instead of an end
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        self.eventually(alone, "all others have gone")
        self.eventually(lambda: server.descriptors() <= before, "all connections are closed")
        judge.call("RPUSH", "q", "kept")
        self.assertEqual(judge.call("LPOP", "q"), b"kept")
        self.assertIsNone(judge.call("GET", "n"))

    def test_blocking_pops_are_served_first_come_first_served(self):
        server = self.serve("redis")
        with resp.Connection(server) as pusher:
            blocked = lambda: pusher.call("INFO", "clients").decode()
            waiting = []
            for i in range(3):
                waiting.append(resp.Connection(server))
                waiting[i].send(*[("BLPOP", "other", "q", 0), ("BRPOP", "q", 0),
                                  ("BLMOVE", "q", "to", "LEFT", "RIGHT", 0)][i])
                self.eventually(lambda: f"blocked_clients:{i + 1}" in blocked(), "it waits")
            pusher.socket.sendall(resp.encode("RPUSH", "q", 1, 2, 3, 4) + resp.encode("LLEN", "q"))
            self.assertEqual((pusher.read(), pusher.read()), (4, 1))
            self.assertEqual([client.read() for client in waiting],
                             [[b"q", b"1"], [b"q", b"4"], b"2"])
            self.assertEqual(pusher.call("LRANGE", "to", 0, -1), [b"2"])
            self.assertIsNone(waiting[0].call("BLPOP", "nothing", "0.01"))
            waiting[1].socket.sendall(resp.encode("BLPOP", "q2", 0) + resp.encode("PING"))
            waiting[2].send("BLPOP", "q2", 0)
            self.eventually(lambda: "blocked_clients:2" in blocked(), "they wait")
            waiting[2].close()
            self.eventually(lambda: "blocked_clients:1" in blocked(), "one has left")
            pusher.call("RPUSH", "q2", "a", "b")
            self.assertEqual((waiting[1].read(), waiting[1].read()), ([b"q2", b"a"], "PONG"))
            self.assertEqual(pusher.call("LRANGE", "q2", 0, -1), [b"b"])
            waiting[0].close()
            waiting[1].close()

    def test_who_asks_for_more_while_it_waits_may_still_leave(self):
        server = self.serve("redis", "--query-limit", "1MB")
        with resp.Connection(server) as pusher:
            blocked = lambda: pusher.call("INFO", "clients").decode()
            for more in resp.encode("PING") * 6000, bytes(1 << 20):  # what it may, or too much
                waiting = resp.Connection(server)
                waiting.send("BLPOP", "q", 0)
                self.eventually(lambda: "blocked_clients:1" in blocked(), "it waits")
                with contextlib.suppress(ConnectionError):  # too much may be refused at once
                    waiting.socket.sendall(more)
                if len(more) < 1 << 20:
                    waiting.close()
                self.eventually(lambda: "blocked_clients:0" in blocked(), "it has left")
                waiting.close()
            pusher.call("RPUSH", "q", "kept")
            self.assertEqual(pusher.call("LPOP", "q"), b"kept")

    def test_messages_reach_subscribers_of_both_protocols(self):
        server = self.serve("redis")
        with resp.Connection(server) as old, resp.Connection(server) as new, \
                resp.Connection(server) as sender:
            self.assertEqual(old.call("SUBSCRIBE", "news"), [b"subscribe", b"news", 1])
            self.assertIn("Can't execute 'get'", old.call("GET", "k"))
            self.assertEqual(old.call("PING"), [b"pong", b""])
            self.assertEqual(new.call("HELLO", 3)[b"proto"], 3)
            self.assertEqual(new.call("PSUBSCRIBE", "n?w*"), resp.Push([b"psubscribe", b"n?w*", 1]))
            self.assertEqual(sender.call("PUBLISH", "news", b"\x00"), 2)
            self.assertEqual(old.read(), [b"message", b"news", b"\x00"])
            self.assertEqual(new.read(), resp.Push([b"pmessage", b"n?w*", b"news", b"\x00"]))
            self.assertIsNone(new.call("GET", "k"))
            self.assertEqual(old.call("UNSUBSCRIBE"), [b"unsubscribe", b"news", 0])
            self.assertEqual(old.call("PING"), "PONG")

    def test_a_message_comes_before_the_end_of_its_subscription(self):
        server = self.serve("redis")
        with resp.Connection(server) as subscriber, resp.Connection(server) as sender:
            subscriber.call("SUBSCRIBE", "c")
            sender.call("PING")
            server.process.send_signal(signal.SIGSTOP)  # so that it finds both at once
            sender.send("PUBLISH", "c", "m")
            subscriber.socket.sendall(resp.encode("UNSUBSCRIBE", "c") + resp.encode("PING"))
            server.process.send_signal(signal.SIGCONT)
            replies = [subscriber.read() for _ in range(2 + sender.read())]
        self.assertEqual(replies[-2:], [[b"unsubscribe", b"c", 0], "PONG"])

    def test_a_subscriber_that_does_not_read_is_dropped(self):
        server = self.serve("redis", "--output-limit", "1MB")
        slow, sender = resp.Connection(server), resp.Connection(server)
        slow.call("SUBSCRIBE", "c")
        message = bytes(100000)
        self.eventually(lambda: sender.call("PUBLISH", "c", message) == 0, "it is dropped")
        server.wait_for("event=slow-subscriber")
        slow.close()
        sender.close()

    def test_a_scan_sees_what_is_there_all_the_time(self):
        server = self.serve("redis")
        with resp.Connection(server) as client:
            client.pipeline([resp.encode("SET", f"kept:{i}", i) for i in range(1000)])
            seen, cursor, turn = set(), b"0", 0
            while cursor != b"0" or turn == 0:
                cursor, found = client.call("SCAN", cursor, "MATCH", "kept:*", "COUNT", 20)
                seen.update(found)
                client.pipeline([  # it grows, then shrinks
                    resp.encode("SET", f"more:{turn}:{i}", i) if turn < 20 else
                    resp.encode("DEL", f"more:{turn - 20}:{i}") for i in range(100)])
                turn += 1
            self.assertEqual(len(seen), 1000)

    def test_keys_expire_by_themselves(self):
        server = self.serve("redis")
        with resp.Connection(server) as client:
            client.call("SET", "short", 1, "PX", 20)
            client.call("SET", "long", 1, "EX", 1000)
            self.eventually(lambda: client.call("DBSIZE") == 1, "one key is gone")
            self.assertIsNone(client.call("GET", "short"))
            self.assertIn(client.call("TTL", "long"), range(900, 1001))
            self.assertEqual(client.call("PERSIST", "long"), 1)
            self.assertEqual(client.call("TTL", "long"), -1)

    def test_too_many_clients_are_told_so(self):
        server = self.serve("redis", "--max-clients", 2)
        with resp.Connection(server) as one, resp.Connection(server) as two:
            self.assertEqual((one.call("PING"), two.call("PING")), ("PONG", "PONG"))
            with resp.Connection(server) as three:
                self.assertEqual(three.rest(), b"-ERR max number of clients reached\r\n")

    def test_without_a_limit_there_are_as_many_clients_as_descriptors_allow(self):
        descriptors = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        server = self.serve("redis", preexec_fn=descriptors)
        clients = [resp.Connection(server) for _ in range(64)]
        self.assertEqual([client.call("PING") for client in clients], ["PONG"] * 64)
        with resp.Connection(server) as another:
            self.assertEqual(another.rest(), b"-ERR max number of clients reached\r\n")
        for client in clients:
            client.close()

    def test_a_request_without_end_is_cut_short(self):
        server = self.serve("redis", "--query-limit", "1MB")
        with resp.Connection(server) as client:
            with self.assertRaises(OSError):
                client.socket.sendall(b"*2\r\n$3\r\nGET\r\n$400000000\r\n")
                while True:
                    client.socket.sendall(bytes(100000))
        server.wait_for('event=client-lost error="a request of more than 1048576 bytes"')

    def test_a_transaction_without_end_is_cut_short(self):
        server = self.serve("redis", "--query-limit", "1MB")
        with resp.Connection(server) as client:
            for _ in range(20):  # together they may have more
                client.call("MULTI")
                client.call("SET", "k", bytes(100000))
                self.assertEqual(client.call("EXEC"), ["OK"])
            client.call("MULTI")
            with self.assertRaises((OSError, EOFError)):
                for _ in range(12):
                    self.assertEqual(client.call("SET", "k", bytes(100000)), "QUEUED")
        server.wait_for('event=client-lost error="a transaction of more than 1048576 bytes"')

    def test_help_and_complaints_can_be_read(self):
        redis = pathlib.Path(os.environ["COLOOP_APPS"]) / "redis"
        self.assertIn("--fsync ENUM:{always,everysec,no}=everysec", self.run_client(redis, "--help"))
        wrong = self.start("redis", "--dir", self.folder, "--fsync", "never")
        self.assertNotEqual(wrong.end(None), 0)
        self.assertIn("--fsync: never not in {always,everysec,no}", wrong.text)

    def test_signals_drain_it(self):
        for by in signal.SIGTERM, signal.SIGINT:
            server = self.serve("redis", "--grace", 600)
            with resp.Connection(server) as idle, resp.Connection(server) as blocked, \
                    resp.Connection(server) as subscriber:
                idle.call("PING")
                subscriber.call("SUBSCRIBE", "c")
                blocked.send("BLPOP", "q", 0)
                self.eventually(lambda: b"blocked_clients:1" in idle.call("INFO"), "it waits")
                self.assertEqual(server.end(by), 0)
                self.assertEqual((idle.rest(), blocked.rest(), subscriber.rest()), (b"", b"", b""))
                self.assertIn("event=drained", server.text)

    def test_options_that_make_no_sense_are_refused(self):
        for wrong in (["--dir", ""], ["--fsync", "always"], ["--max-bulk=-1"], ["--output-limit", 0],
                      ["--grace", "nan"], ["--max-clients", 2**64 - 1]):
            server = self.start("redis", "--port", 0, *wrong)
            self.assertNotEqual(server.end(None), 0)
            self.assertIn(wrong[0].split("=")[0], server.text)

    def test_shutdown_ends_it(self):
        server = self.serve("redis")
        self.cli(server, "shutdown", "nosave", expect=None)
        self.assertEqual(server.end(None), 0)

    def test_connections_that_come_and_go_leave_nothing_behind(self):
        server = self.serve("redis")
        churn = lambda count: self.run_client("redis-benchmark", "-p", server.port, "-q", "-k", "0",
                                              "-t", "ping", "-c", "50", "-n", count, timeout=500)
        churn(500)
        descriptors = server.descriptors()
        resident = server.resident_kib()
        churn(endured(50_000, sanitized=1000))  # of two kinds: inline and not
        self.eventually(lambda: server.descriptors() <= descriptors, "all are closed")
        self.eventually(
            lambda: server.resident_kib() < resident + (65536 if SANITIZED else 1024),
            "what more at once have taken is given back")


if __name__ == "__main__":
    program.main()
