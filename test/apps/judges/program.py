# SPDX-License-Identifier: MIT
"""Runs the programs of apps/ as their users do, for the tests that let real clients judge them."""

import collections
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

PATIENCE = 150  # seconds until something that should happen at once counts as never, however busy
# the machine is


class Program:
    """A program of apps/ that runs. Its lines of output are kept, both streams together."""

    def __init__(self, name, *arguments, **options):
        path = pathlib.Path(os.environ["COLOOP_APPS"]) / name
        self.process = subprocess.Popen(
            [path, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", **options)
        self.pid = self.process.pid
        self.lines = collections.deque(maxlen=1000)
        self._unread = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._unread.put(line.rstrip("\n"))
        self._unread.put(None)

    def wait_for(self, pattern):
        """The match of the first further line in which `pattern` is found."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._unread.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line {pattern!r} in {PATIENCE} s:\n{self.text}") from None
            if line is None:
                raise AssertionError(f"ended without a line {pattern!r}:\n{self.text}")
            if match := re.search(pattern, line):
                return match

    @property
    def text(self):
        return "\n".join(self.lines)

    def end(self, by=signal.SIGTERM):
        """Sends a signal, unless it is None, and waits for the end; returns the exit code."""
        if by is not None and self.process.poll() is None:
            self.process.send_signal(by)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"did not end within {PATIENCE} s:\n{self.text}") from None
        self._reader.join(PATIENCE)
        return self.process.returncode

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


class Judgement(unittest.TestCase):
    """A test that starts programs of apps/ and clients in a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coloop-judge-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, name, *arguments, **options):
        """Starts a program; at the end of the test it is killed, if it still runs."""
        program = Program(name, *arguments, **options)

        def clean_up():
            program.process.kill()
            program.end(None)
            program.process.stdout.close()

        self.addCleanup(clean_up)
        return program

    def serve(self, name, *arguments, **options):
        """Starts a server on a free port and returns it with its .host and .port."""
        program = self.start(name, *arguments, "--port", 0, **options)
        match = program.wait_for(r"listening on ([^ ]+):(\d+)")
        program.host, program.port = match[1], int(match[2])
        return program

    def run_client(self, *command, expect=0, **options):
        """Runs a client to its end and returns what it wrote to stdout, as text unless text=False."""
        options = {"text": True, "timeout": PATIENCE, "stdin": subprocess.DEVNULL, **options}
        if "input" in options:
            del options["stdin"]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options)
        if expect is not None and done.returncode != expect:
            self.fail(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def eventually(self, holds, what):
        """Waits until holds() is true; `what` says what was to become true."""
        end = time.monotonic() + PATIENCE
        pause = 0.01
        while not holds():
            if time.monotonic() > end:
                self.fail(f"not within {PATIENCE} s: {what}")
            time.sleep(pause)
            pause = min(1.2 * pause, 0.2)


def main():
    unittest.main(verbosity=2)
