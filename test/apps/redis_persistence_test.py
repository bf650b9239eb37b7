# SPDX-License-Identifier: MIT
"""What apps/redis has acknowledged is there again: after kill -9, torn files, and full disks."""

import os
import random
import resource
import signal
import subprocess
import threading
import time

import program
import resp
from scale import SANITIZED, endured


class Recorder(threading.Thread):
    """Counts up keys of its own, and some shared in transactions, until the server is gone."""

    def __init__(self, server, name, counts):
        super().__init__(daemon=True)
        self.client = resp.Connection(server)
        self.name, self.counts = name, counts
        self.sent, self.acknowledged = counts.get(name, 0), counts.get(name, 0)

    def run(self):
        try:
            while True:
                batch = random.randrange(1, 8)
                self.sent += batch
                self.client.socket.sendall(b"".join(
                    resp.encode("MULTI") + resp.encode("INCR", self.name) +
                    resp.encode("RPUSH", self.name + ":list", i) + resp.encode("EXEC")
                    for i in range(batch)))
                for _ in range(batch):
                    for _ in range(3):
                        self.client.read()
                    self.acknowledged = self.client.read()[0]
        except (OSError, EOFError):
            self.client.close()


class RedisPersistenceTest(program.Judgement):
    def start_server(self, *arguments, **options):
        return self.serve("redis", "--dir", self.folder / "data", *arguments, **options)

    def files(self):
        return sorted(path.name for path in (self.folder / "data").iterdir())

    def log(self):
        return self.folder / "data/log.resp"

    def kill_and_look(self, folder, lives, seed):
        """Each life of the server begins with what was acknowledged in those before."""
        noise = random.Random(seed)
        counts = {}
        for life in range(lives):
            server = self.serve("redis", "--dir", folder, "--fsync", "always")
            with resp.Connection(server) as client:
                for name, count in counts.items():
                    value = int(client.call("GET", name) or 0)
                    self.assertLessEqual(count[0], value, f"life {life}, seed {seed}: {name} lost")
                    self.assertLessEqual(value, count[1])
                    self.assertEqual(client.call("LLEN", name + ":list"), value, "half an EXEC")
                    counts[name] = (value, value)
                if noise.random() < 0.1:
                    client.call("BGSAVE")
                recorders = [Recorder(server, name, {n: c[0] for n, c in counts.items()})
                             for name in ("a", "b")]
                for recorder in recorders:
                    recorder.start()
                time.sleep(noise.random() * 0.012)  # any moment will do
                server.process.kill()
                server.end(None)
                server.process.stdout.close()
            for recorder in recorders:
                recorder.join()
                counts[recorder.name] = (recorder.acknowledged, recorder.sent)

    def test_what_was_acknowledged_outlives_many_kills(self):
        lives = endured(1000, sanitized=80) // 4  # in each of four threads
        failures = []

        def run(number):
            try:
                self.kill_and_look(self.folder / f"data{number}", lives, number)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def test_what_was_written_outlives_a_kill_under_each_policy(self):
        for policy in "everysec", "no":
            server = self.start_server("--fsync", policy)
            with resp.Connection(server) as client:
                for i in range(100):
                    client.call("INCR", policy)
            server.end(signal.SIGKILL)
            server = self.start_server()
            with resp.Connection(server) as client:
                self.assertEqual(client.call("GET", policy), b"100")
            server.end()

    def fill(self, client):
        binary = bytes(range(256))
        for request in (("SET", "s", binary), ("SET", "e", 1, "EX", 1000), ("RPUSH", "l", *range(300)),
                        ("HSET", "h", binary, binary, "f", ""), ("SADD", "set", "", *range(300)),
                        ("ZADD", "z", "1.1", "a", "inf", "b", "-3", binary), ("SPOP", "set", 7),
                        ("INCRBYFLOAT", "f", "0.1"), ("SET", "f2", 1, "PX", 100000),
                        ("INCR", "f2"), ("PERSIST", "f2"), ("LMOVE", "l", "l2", "LEFT", "LEFT"),
                        ("SET", "gone", 1, "PX", 1)):
            self.assertNotIsInstance(client.call(*request), resp.Failure)
        self.eventually(lambda: client.call("EXISTS", "gone") == 0, "a key expires")

    def everything(self, client):
        """All that there is, in an order of its own."""
        client.call("HELLO", 3)
        contents = {}
        for key in client.call("KEYS", "*"):
            replies = [client.call(*command) for command in (
                ("PEXPIRETIME", key), ("GET", key), ("LRANGE", key, 0, -1), ("HGETALL", key),
                ("SMEMBERS", key), ("ZRANGE", key, 0, -1, "WITHSCORES"))]
            contents[key] = [sorted(r.items()) if isinstance(r, dict) else r for r in replies]
        return contents

    def test_values_of_all_types_come_back_from_the_log_and_from_snapshots(self):
        server = self.start_server()
        with resp.Connection(server) as client:
            self.fill(client)
            before = self.everything(client)
        self.assertEqual(len(before), 9)
        for save in (), ("BGSAVE",), ("BGREWRITEAOF",):
            self.assertEqual(server.end(signal.SIGKILL if save else signal.SIGTERM),
                             -signal.SIGKILL if save else 0)
            server = self.start_server()
            with resp.Connection(server) as client:
                self.assertEqual(self.everything(client), before)
                if save:
                    what = "saving" if save == ("BGSAVE",) else "append only file rewriting"
                    self.assertEqual(client.call(*save), f"Background {what} started")
                    server.wait_for("event=saved keys=9")
                    self.assertNotIn(b"INCRBYFLOAT", self.log().read_bytes())  # but what came of it
                    self.assertEqual(self.files(), ["log.resp"])

    def test_a_snapshot_that_others_write_into_is_right(self):
        server = self.start_server()
        keys = 20000
        with resp.Connection(server) as client:
            client.pipeline([resp.encode("SET", i, "old") for i in range(keys)])
            client.pipeline([resp.encode("BGSAVE"), *(resp.encode("APPEND", i, "new")
                                                      for i in range(keys)), resp.encode("DEL", 7)])
        server.wait_for("event=saved")
        server.end(signal.SIGKILL)
        server = self.start_server()
        with resp.Connection(server) as client:
            values = client.call("MGET", *range(keys))
            self.assertEqual([i for i, value in enumerate(values) if value != b"oldnew"], [7])
            self.assertEqual(client.call("DBSIZE"), keys - 1)

    def test_a_flush_during_a_snapshot_flushes(self):
        server = self.start_server()
        with resp.Connection(server) as client:
            client.pipeline([resp.encode("SET", i, 0) for i in range(5000)])
            client.socket.sendall(resp.encode("BGSAVE") + resp.encode("FLUSHALL") +
                                  resp.encode("SET", "k", 1))
            [client.read() for _ in range(3)]
        server.wait_for("event=saved")
        server.end(signal.SIGKILL)
        server = self.start_server()
        with resp.Connection(server) as client:
            self.assertEqual(client.call("KEYS", "*"), [b"k"])

    def test_a_torn_tail_is_cut_with_a_line_that_says_so(self):
        server = self.start_server()
        sizes = [0]  # of the log after each key
        with resp.Connection(server) as client:
            for i in range(20):
                client.call("SET", f"key:{i}", i)
                sizes.append(self.log().stat().st_size)
            client.socket.sendall(resp.encode("MULTI") + resp.encode("INCR", "n") +
                                  resp.encode("INCR", "n") + resp.encode("EXEC"))
            for _ in range(4):
                client.read()
        server.end()
        whole = self.log().read_bytes()
        for size in random.Random(5).sample(range(1, len(whole)), 5 if SANITIZED else 40):
            self.log().write_bytes(whole[:size])
            kept = sum(end <= size for end in sizes[1:])
            server = self.start_server()
            with resp.Connection(server) as client:
                self.assertEqual(client.call("DBSIZE"), kept)  # and no half of the EXEC
                self.assertEqual(self.log().stat().st_size, sizes[kept])
                self.assertEqual("event=torn-tail" in server.text, size > sizes[kept])
                self.assertEqual(client.call("SET", "after", 1), "OK")
            server.end(signal.SIGKILL)
            server = self.start_server()
            with resp.Connection(server) as client:
                self.assertEqual(client.call("DBSIZE"), kept + 1)
            server.end(signal.SIGKILL)

    def test_damage_in_the_middle_stops_the_start(self):
        server = self.start_server()
        with resp.Connection(server) as client:
            client.call("SET", "k", 1)
        server.end()
        with self.log().open("r+b") as log:
            log.seek(4)
            log.write(b"!")
        server = self.start("redis", "--dir", self.folder / "data", "--port", 0)
        server.wait_for(r"log.resp is damaged after byte 0: expected '\$', got '!'")
        self.assertEqual(server.end(None), 1)
        request = resp.encode("SET", "k", 1)
        for damage in b"\r\n", b"*0\r\n", b"*-1\r\n":
            self.log().write_bytes(request + damage + request)
            server = self.start("redis", "--dir", self.folder / "data", "--port", 0)
            server.wait_for(f"log.resp is damaged after byte {len(request)}: an empty request")
            self.assertEqual(server.end(None), 1)

    def test_a_full_disk_refuses_writes_and_loses_nothing(self):
        # A limit to the size of files stands for the disk. Python has their signal ignored; so has
        # the server, then.
        server = self.start_server("--fsync", "always", restore_signals=False)
        with resp.Connection(server) as client:
            client.call("SET", "n", 0)
            size = self.log().stat().st_size
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size + 1000, resource.RLIM_INFINITY))
            acknowledged = 0
            while (reply := client.call("INCR", "n")) == acknowledged + 1:
                acknowledged = reply
            self.assertGreater(acknowledged, 0)
            self.assertRegex(reply, "^MISCONF Errors writing to the AOF file: ")
            server.wait_for("event=write-failed")
            self.assertRegex(client.call("SET", "k", 1), "^MISCONF")
            self.assertGreaterEqual(int(client.call("GET", "n")), acknowledged)
            self.assertEqual(client.call("MULTI"), "OK")
            self.assertRegex(client.call("INCR", "n"), "^MISCONF")
            self.assertRegex(client.call("EXEC"), "^EXECABORT")
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE,
                             (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            server.wait_for("event=writing-again")
            self.assertEqual(client.call("SET", "k", 2), "OK")
            value = client.call("GET", "n")
        server.end(signal.SIGKILL)
        server = self.start_server()
        with resp.Connection(server) as client:
            self.assertEqual(client.call("MGET", "n", "k"), [value, b"2"])

    def start_traced(self, what, *options):
        """A server whose system calls are tampered with; and what there is of them so far."""
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # which a tracer rules out
        server = self.start_server(*options, env=environment)
        output = self.folder / "trace"
        tracer = subprocess.Popen(["strace", "-f", "-o", output, "-p", str(server.pid), *what],
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(tracer.stderr.close)
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.kill)
        self.assertIn("attached", tracer.stderr.readline())
        return server, output.read_text

    def test_a_sync_that_fails_while_others_write_is_not_forgotten(self):
        server, trace = self.start_traced(["-e", "inject=fdatasync:error=EIO:when=1",
                                           "-e", "inject=pwrite64,fsync:delay_enter=1500000"])
        with resp.Connection(server) as one, resp.Connection(server) as two, \
                resp.Connection(server) as three:
            for count, client in enumerate((one, two, three), 1):
                client.send("INCR", "n")
                if count < 3:  # the second is written when the failure is told, the third waits
                    self.eventually(lambda: trace().count("pwrite64(") >= count, "it is written")
                if count == 1:
                    self.assertEqual(one.read(), 1)
            two.read(), three.read()  # most likely that it can't be kept
            self.eventually(lambda: one.call("SET", "k", 1) == "OK", "there is a new log")
            self.assertEqual(one.call("GET", "n"), b"3")
        self.assertNotIn("writing-again", server.text)
        # strace counts for each thread of the pool, so the last sync may have to fail, too.
        self.assertIn(server.end(), (0, 1))

    def test_nobody_reads_what_a_crash_could_take_back(self):
        server, trace = self.start_traced(["-e", "inject=fdatasync:delay_enter=300000"],
                                          "--fsync", "always")
        with resp.Connection(server) as writer, resp.Connection(server) as reader:
            for number in range(3):
                writer.send("SET", "k", number)
                while reader.call("GET", "k") != b"%d" % number:
                    pass
                writer.socket.settimeout(0)  # for it was told before
                self.assertEqual(writer.read(), "OK")
                writer.socket.settimeout(program.PATIENCE)

    def test_a_sync_that_fails_at_the_end_is_told(self):
        server, trace = self.start_traced(["-e", "inject=fdatasync:error=EIO:delay_enter=1000000"])
        with resp.Connection(server) as client:
            client.call("SET", "k", 1)
            self.eventually(lambda: "fdatasync(" in trace(), "it has begun")
        self.assertEqual(server.end(), 1)
        self.assertRegex(server.text, "event=write-failed .*i/o error")

    def test_a_log_that_grows_becomes_a_snapshot(self):
        server = self.start_server("--rewrite-size", "100KB")
        with resp.Connection(server) as client:
            for _ in range(50):
                client.call("SET", "k", bytes(5000))
            server.wait_for("event=saved keys=1")
            self.eventually(lambda: self.log().stat().st_size < 200000, "the old log is gone")
            self.assertEqual(client.call("STRLEN", "k"), 5000)
        self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    program.main()
