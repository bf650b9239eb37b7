# SPDX-License-Identifier: MIT
"""apps/loadgen: are its figures right, against real servers and against bad ones?"""

import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import xml.etree.ElementTree

import daemons
from program import PATIENCE, Judgement, main

LOADGEN = pathlib.Path(os.environ["COLOOP_APPS"]) / "loadgen"


class BadServer:
    """Listens, and has `handle(connection, number)` called in a thread for each connection."""

    def __init__(self, test, handle):
        self.listener = socket.create_server(("127.0.0.1", 0))  # its port is taken until the end
        self.port = self.listener.getsockname()[1]
        self.handle = handle
        self.connections = []
        test.addCleanup(self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._run, daemon=True,
                             args=(connection, len(self.connections))).start()

    def _run(self, connection, number):
        try:
            self.handle(connection, number)
        except OSError:
            pass  # loadgen has ended

    def stop(self):
        """From now on connections to it are refused."""
        with contextlib.suppress(OSError):  # it was stopped before
            self.listener.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.stop()
        self.listener.close()
        for connection in self.connections:
            connection.close()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Loadgen(Judgement):
    def measure(self, port, *arguments, expect=0):
        """The result of a run, as it says it to programs."""
        patience = () if "--timeout" in arguments else ("--timeout", 600)
        return json.loads(self.run_client(LOADGEN, "--port", port, "--json", "--quiet", *arguments,
                                          *patience, expect=expect))

    def expect_all_answered(self, result, count):
        self.assertEqual(result["answers"], count)
        self.assertEqual(result["failed"], 0)
        self.assertEqual(result["unanswered"], 0)
        self.assertEqual(result["errors"], {})
        latency = result["latency_ms"]
        names = ["least", "p50", "p75", "p90", "p99", "p99.9", "p99.99", "most"]
        self.assertEqual([latency[name] for name in names],
                         sorted(latency[name] for name in names))
        self.assertGreater(latency["least"], 0)

    # ---- servers that answer ----

    def test_each_answer_of_echo_is_checked_and_counted(self):
        echo = self.serve("echo")
        self.expect_all_answered(self.measure(echo.port, "--requests", 3000), 3000)
        self.expect_all_answered(
            self.measure(echo.port, "--requests", 999, "--connections", 7, "--pipeline", 10,
                         "--size", 3), 999)

    def test_a_pipeline_may_hold_more_than_the_system_does(self):
        echo = self.serve("echo")
        result = self.measure(echo.port, "--connections", 2, "--pipeline", 1000, "--size", 20_000,
                              "--requests", 2000)
        self.expect_all_answered(result, 2000)

    def test_socat_and_cat_return_lines(self):
        socat = subprocess.Popen(
            ["socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork", "EXEC:cat"],
            stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(socat.communicate)
        self.addCleanup(os.killpg, socat.pid, signal.SIGKILL)
        port = next(match[1] for line in socat.stderr
                    if (match := re.search(r"listening on .*:(\d+)", line)))
        threading.Thread(target=socat.stderr.read, daemon=True).start()
        result = self.measure(port, "--protocol", "line", "--connections", 3, "--requests", 300)
        self.expect_all_answered(result, 300)

    def test_redis_gets_the_commands_that_are_meant(self):
        port = daemons.start_redis(self)
        for command in ("ping", "get", "set", "incr"):
            result = self.measure(port, "--protocol", "resp", "--command", command, "--size", 100,
                                  "--requests", 1000, "--connections", 4, "--pipeline", 5)
            self.expect_all_answered(result, 1000)
        # all connections have counted what each of them was answered
        counts = self.run_client("redis-cli", "-p", port, "MGET",
                                 *(f"loadgen:{i}" for i in range(4))).split()
        self.assertEqual(sum(map(int, counts)), 1000)
        calls = self.run_client("redis-cli", "-p", port, "INFO", "commandstats")
        for command, count in (("ping", 1000), ("get", 1000), ("set", 1000 + 8), ("incr", 1000)):
            self.assertIn(f"cmdstat_{command}:calls={count},", calls)

    # ---- servers that don't ----

    def test_wrong_answers_are_counted_and_shown(self):
        def spoil(connection, _):
            while data := connection.recv(4096):
                connection.sendall(data[:-1] + b'"')

        server = BadServer(self, spoil)
        options = ("--port", server.port, "--requests", 5, "--connections", 1, "--size", 16)
        result = self.measure(server.port, *options[2:], expect=1)
        self.assertEqual(result["errors"], {"wrong answer": 5})
        self.assertEqual((result["answers"], result["failed"]), (0, 5))
        table = self.run_client(LOADGEN, "--quiet", *options, expect=1)
        self.assertIn("wrong answer: 5 (first: '000000000000000?' instead of '0000000000000001')",
                      table)

    def test_a_late_answer_to_another_request_is_wrong(self):
        def repeat_the_first(connection, _):
            first = connection.recv(16)
            connection.sendall(first)
            while connection.recv(16):
                connection.sendall(first)

        server = BadServer(self, repeat_the_first)
        result = self.measure(server.port, "--requests", 2, "--connections", 1, "--size", 16,
                              expect=1)
        self.assertEqual(result["errors"], {"wrong answer": 1})
        self.assertEqual(result["answers"], 1)

    def test_an_error_of_redis_is_a_wrong_answer(self):
        port = daemons.start_redis(self)
        self.run_client("redis-cli", "-p", port, "CONFIG", "SET", "maxmemory", "1")
        table = self.run_client(LOADGEN, "--port", port, "--protocol", "resp", "--requests", 3,
                                "--quiet", expect=1)
        self.assertRegex(table, r"wrong answer: 3 \(first: '-OOM command not allowed")

    def test_resets_and_ends_are_told_apart(self):
        def end(connection, number):
            connection.recv(4096)
            if number == 1:
                connection.close()  # the connection that looks whether there is a server
            elif number % 2 == 0:
                reset(connection)
            else:
                connection.shutdown(socket.SHUT_WR)

        server = BadServer(self, end)
        result = self.measure(server.port, "--requests", 4, "--connections", 1, expect=1)
        self.assertEqual(result["errors"], {"connection reset by peer": 2, "end of stream": 2})

    def test_without_a_server_it_says_so(self):
        port = daemons.hold_port(self)
        done = subprocess.run([LOADGEN, "--port", str(port)], capture_output=True, text=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr, f"connect 127.0.0.1:{port}: connection refused\n")

    def test_a_server_that_goes_away_refuses_the_rest(self):
        def go_away(connection, number):
            if data := connection.recv(4096):
                server.stop()
                connection.sendall(data)
                connection.recv(4096)  # it has had its answer
                reset(connection)

        server = BadServer(self, go_away)
        result = self.measure(server.port, "--requests", 4, "--connections", 1, expect=1)
        self.assertEqual(result["answers"], 1)
        self.assertEqual(result["errors"],
                         {"connection reset by peer": 1, "connection refused": 2})

    def test_an_answer_that_does_not_come_is_a_timeout(self):
        server = BadServer(self, lambda connection, number: None)
        result = self.measure(server.port, "--requests", 4, "--connections", 2, "--pipeline", 2,
                              "--timeout", 1, expect=1)
        self.assertEqual(result["errors"], {"timed out": 4})
        result = self.measure(server.port, "--duration", 1, "--connections", 3, expect=1)
        self.assertEqual(result["unanswered"], 3)

    # ---- rates ----

    def test_with_a_rate_a_stall_counts_for_all_who_would_have_asked(self):
        def stall_once(connection, number):
            first = connection.recv(4096)
            time.sleep(1)
            while first:
                connection.sendall(first)
                first = connection.recv(4096)

        server = BadServer(self, stall_once)
        load = ("--connections", 1, "--requests", 100)
        result = self.measure(server.port, *load, "--rate", 100)
        self.expect_all_answered(result, 100)
        self.assertGreater(result["latency_ms"]["p75"], 200)  # seen by one in a hundred otherwise
        self.assertGreaterEqual(result["seconds"], 0.99)

    # ---- what it shows ----

    def test_the_picture_has_both_curves(self):
        echo = self.serve("echo")
        path = self.folder / "load.svg"
        self.measure(echo.port, "--requests", 500, "--svg", path)
        tree = xml.etree.ElementTree.parse(path)
        curves = tree.findall(".//{http://www.w3.org/2000/svg}polyline")
        self.assertEqual(len(curves), 2)
        for curve in curves:
            for point in curve.get("points").split():
                x, y = map(float, point.split(","))
                self.assertTrue(60 <= x <= 700 and 60 <= y <= 600, point)

    def test_interrupted_it_tells_what_it_has(self):
        echo = self.serve("echo")
        load = self.start("loadgen", "--port", echo.port, "--duration", 1000, "--rate", 50)
        load.wait_for(r"^at=\d+ rate=\d+ p50_ms=[\d.]+ p99_ms=[\d.]+ failed=0$")
        self.assertEqual(load.end(signal.SIGINT), 0)
        self.assertRegex(load.text, r"(?m)^interrupted$")
        self.assertRegex(load.text, r"(?m)^[1-9]\d* answers in [\d.]+ s")
        self.assertRegex(load.text, r"(?m)^errors: none$")

    def test_interrupted_before_it_has_asked_anything_it_says_so(self):
        opened = threading.Event()

        def say_nothing(connection, number):
            if connection.recv(4096):
                opened.set()
                connection.recv(1)

        server = BadServer(self, say_nothing)
        load = self.start("loadgen", "--port", server.port, "--protocol", "resp",
                          "--command", "get", "--timeout", 1000)
        self.assertTrue(opened.wait(PATIENCE))
        self.assertEqual(load.end(signal.SIGINT), 1)
        self.assertRegex(load.text, r"(?m)^0 answers in \d+\.\d\d s: 0 per second$")
        self.assertRegex(load.text, r"(?m)^errors: none$")

    def test_on_a_terminal_progress_is_one_line(self):
        echo = self.serve("echo")
        master, slave = pty.openpty()
        load = subprocess.Popen([LOADGEN, "--port", str(echo.port), "--duration", "1000", "--rate", "50"],
                                stdout=subprocess.PIPE, stderr=slave, text=True)
        self.addCleanup(load.kill)
        os.close(slave)
        shown = b""
        while shown.count(b"/s  median") < 2:
            shown += os.read(master, 4096)
        load.send_signal(signal.SIGTERM)
        self.assertIn("errors: none", load.communicate(timeout=PATIENCE)[0])
        os.close(master)
        self.assertNotIn(b"\n", shown)
        self.assertRegex(shown, rb"\r\x1b\[K +\d+ s +\d+/s  median [\d.]+ ms")

    def test_it_explains_itself(self):
        self.assertIn("--rate", self.run_client(LOADGEN, "--help"))
        for wrong in (["--protocol", "http"], ["--connections", "0"], ["--rate", "-1"]):
            self.run_client(LOADGEN, *wrong, expect=105)


if __name__ == "__main__":
    main()
