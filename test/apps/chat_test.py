# SPDX-License-Identifier: MIT
"""Lets socat, nc, telnet and hostile sockets judge apps/chat."""

import os
import re
import signal
import socket
import struct
import subprocess
import time
import unittest

import program
from scale import ENDURANCE, endured, scaled


class Talker:
    """A client that talks over a plain socket."""

    def __init__(self, server, *lines, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(program.PATIENCE)
        self.socket.connect((server.host, server.port))
        self.heard = b""
        self.say(*lines)

    def say(self, *lines):
        for line in lines:
            self.socket.sendall((line if isinstance(line, bytes) else line.encode()) + b"\n")
        return self

    def hear(self, pattern):
        """Reads up to the first line in which `pattern` is found, and returns all that was read."""
        before = ""
        while True:
            line, end, rest = self.heard.partition(b"\n")
            if end:
                self.heard = rest
                text = line.decode().rstrip("\r") + "\n"
                before += text
                if re.search(pattern, text):
                    return before
                continue
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError(f"ended without {pattern!r}:\n{before}")
            self.heard += data

    def hear_end(self):
        """All until the end, also if that is a reset."""
        try:
            while data := self.socket.recv(65536):
                self.heard += data
        except ConnectionResetError:
            pass
        return self.heard.decode()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class Chat(program.Judgement):
    def serve_chat(self, *arguments):
        return self.serve("chat", *arguments)

    def talk(self, server, *lines, **options):
        talker = Talker(server, *lines, **options)
        self.addCleanup(talker.close)
        return talker

    def test_rooms_names_and_messages_do_what_help_says(self):
        server = self.serve_chat()
        ada = self.talk(server, "hello?", "/nick Ada", "/join tea", "/who", "/rooms")
        ada.hear("nobody hears you")
        ada.hear("you are Ada")
        ada.hear("1 in tea: Ada")
        ada.hear(r"1 rooms: tea \(1\)")
        ben = self.talk(server, "/nick ADA", "/nick ben", "/join TEA", "hi")
        ben.hear("ADA is taken")
        ben.hear("<ben> hi")
        ada.hear("ben joined tea")
        ada.hear("<ben> hi")
        ada.say("/msg BEN psst", "/msg nobody x", "/msg ben", "/nonsense", "/help", "/nick a b!")
        ben.hear(r"^\[Ada\] psst$")
        ada.hear("nobody here is nobody")
        ada.hear("/msg NAME TEXT")
        ada.hear("no such command")
        ada.hear("/quit: good-bye")
        ada.hear("1 to 24 letters")
        ben.say("/leave", "/leave", "/quit")
        self.assertRegex(ben.hear_end(), "you are in no room now(.|\n)*you are in no room\r(.|\n)*good-bye")
        ada.hear(r"ben left TEA \(left\)|ben left tea \(left\)")
        ada.say("/join coffee", "/rooms")
        ada.hear(r"2 rooms: coffee \(1\) tea \(0\)")

    def test_who_joins_sees_what_was_said_last(self):
        server = self.serve_chat("--history", 3, "--max-rooms", 2)
        ada = self.talk(server, "/nick ada", "/join x", *(f"line {i}" for i in range(5)), "/who")
        ada.hear("1 in x")
        past = self.talk(server, "/join x").hear("that was it")
        self.assertEqual(re.findall(r"<ada> line (\d)", past), ["2", "3", "4"])
        ada.say("/join y", "/join z")  # nobody is in a room of the two: y
        ada.hear("joined y")
        ada.hear("too many rooms")

    def test_a_crowd_of_socat_clients_sees_one_order(self):
        server = self.serve_chat("--outbox", 65536)
        count, lines = endured(500, sanitized=50), 3
        watcher = self.talk(server, "/nick watcher", "/join hall")
        watcher.hear("watcher joined")
        clients = []
        for number in range(count):
            with open(self.folder / f"{number}", "wb") as output:
                client = subprocess.Popen(
                    ["socat", "-", f"TCP:{server.host}:{server.port}"], stdin=subprocess.PIPE,
                    stdout=output, stderr=subprocess.DEVNULL)
            self.addCleanup(client.wait)
            self.addCleanup(client.kill)
            self.addCleanup(client.stdin.close)
            clients.append(client)
        for number, client in enumerate(clients):
            os.write(client.stdin.fileno(), f"/nick bot{number}\n/join hall\n".encode())
        for _ in clients:
            watcher.hear("joined hall")
        for line in range(lines):
            for number, client in enumerate(clients):
                os.write(client.stdin.fileno(), f"says {line}\n".encode())
        said = "".join(watcher.hear("says") for _ in range(count * lines))
        self.assertEqual(server.end(), 0)
        said = re.findall(r"<.*> says \d", said)
        self.assertEqual(len(set(said)), count * lines)
        for number, client in enumerate(clients):
            client.wait(program.PATIENCE)
            text = (self.folder / f"{number}").read_text()
            self.assertEqual(re.findall(r"<.*> says \d", text), said)
            self.assertIn("the server ends; good-bye", text)

    def test_nc_and_telnet_can_talk(self):
        server = self.serve_chat()
        ada = self.talk(server, "/nick ada", "/join tea")
        ada.hear("ada joined")
        text = self.run_client("nc", "-N", server.host, server.port,
                               input="/nick nc\n/join tea\nhello from nc\n")
        self.assertIn("<nc> hello from nc", text)
        ada.hear("<nc> hello from nc")
        ada.hear(r"nc left tea \(disconnected\)")
        telnet = subprocess.Popen(["telnet", server.host, str(server.port)], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(telnet.stdout.close)
        self.addCleanup(telnet.wait)
        self.addCleanup(telnet.kill)
        telnet.stdin.write("/nick tel\n/join tea\nhello from telnet\n/quit\n")
        telnet.stdin.flush()
        ada.hear("<tel> hello from telnet")
        ada.hear(r"tel left tea \(quit\)")
        self.assertIn("<tel> hello from telnet", telnet.communicate(timeout=program.PATIENCE)[0])

    def test_negotiation_of_telnet_is_no_text(self):
        server = self.serve_chat()
        window = b"\xff\xfa\x1f\x00\x50\x0a\x0a\xff\xff\xff\xf0"  # with line feeds and a doubled 255
        ada = self.talk(server, b"\xff\xfb\x1f\xff\xfd\x01/join t\xff\xf4\xff\xfd\x06ea" + window)
        ada.hear("joined tea")
        ada.socket.sendall(b"ca" + window + b"lm\r\0" + b"after\r\n")
        ada.hear("> calm$")
        ada.hear("> after$")
        for byte in b"\xff\xfa\x18\x00vt100\xff\xf0slow\r\n":  # one at a time
            ada.socket.sendall(bytes([byte]))
        ada.hear("> slow$")

    def test_what_could_harm_a_terminal_is_replaced(self):
        server = self.serve_chat()
        ada = self.talk(server, "/join tea", b"\x1b[2Jred\x07 \x9b \xc2\x9b \xc0\xaf \xed\xa0\x80 \xe2\x80\xae.",
                        "tab\tand grüße 🍵", b"\x00\x7f", "/msg \x1b[1m x", "/nick \x1b]0;x", "end")
        text = ada.hear("> end")
        self.assertIn("> \ufffd[2Jred\ufffd \ufffd \ufffd ", text)
        self.assertIn("> tab and grüße 🍵", text)
        self.assertEqual(re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text), [])

    def test_a_line_that_is_too_long_is_dropped_alone(self):
        server = self.serve_chat("--line", 100)
        ada = self.talk(server, "/join tea", "x" * 100, "x" * 101, "y" * 1_000_000, "short")
        text = ada.hear("> short")
        self.assertIn("x" * 100, text)
        self.assertEqual(text.count("more than 100 bytes"), 2)
        self.assertNotIn("x" * 101, text)
        self.assertNotIn("yy", text)
        ada.socket.sendall(b"z" * 1_000_000)  # and no end
        ada.socket.shutdown(socket.SHUT_WR)
        self.assertNotIn("zz", ada.hear_end())

    def test_a_reader_that_never_reads_is_dropped_and_nobody_else(self):
        server = self.serve_chat("--outbox", 64)
        ada = self.talk(server, "/nick ada", "/join tea")
        ada.hear("ada joined")
        sleepers = [self.talk(server, f"/nick sleeper{i}", "/join tea", receive_buffer=4096)
                    for i in range(5)]
        for _ in sleepers:
            ada.hear("sleeper. joined")
        before = server.resident_kib()
        dropped, text = set(), "x" * 1000
        for _ in range(200_000):
            heard = ada.say(text).hear("<ada> x")
            dropped |= set(re.findall(r"sleeper\d(?=.* dropped: too slow)", heard))
            if len(dropped) == len(sleepers):
                break
        self.assertEqual(len(dropped), len(sleepers))
        self.assertLess(server.resident_kib() - before, 20_000)
        ada.say("/who").hear("1 in tea: ada")
        for sleeper in sleepers:  # the system kept some of it for them
            sleeper.hear_end()

    def test_who_asks_much_and_reads_nothing_is_not_heard(self):
        server = self.serve_chat()
        ada = self.talk(server, "/nick ada", "/join tea", *(["x" * 1000] * 20), "/who")
        ada.hear("1 in tea")
        before = server.resident_kib()
        greedy = self.talk(server, receive_buffer=4096)
        greedy.socket.settimeout(1)
        with self.assertRaises(TimeoutError):
            while True:
                greedy.socket.sendall(b"/join tea\n/leave\n" * 1000)
        self.assertLess(server.resident_kib() - before, 20_000)
        ada.say("still here").hear("> still here")

    def test_abrupt_ends_leave_nothing_behind(self):
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        server = self.serve("chat", env={**os.environ, "ASAN_OPTIONS": sanitizer})
        ada = self.talk(server, "/nick ada", "/join tea")
        ada.hear("ada joined")

        def come_and_go(count):
            for number in range(count):
                talker = Talker(server, "/join crowd", b"hello", b"\xff\xfa\x00\xc3 half a line")
                if number % 3 == 0:
                    talker.hear("joined crowd")
                (talker.reset if number % 2 == 0 else talker.close)()
            ada.say("/who").hear("1 in tea: ada")
            self.eventually(lambda: server.descriptors() <= descriptors, "all closed")

        descriptors = server.descriptors()
        come_and_go(scaled(500 if ENDURANCE else 200))
        before = server.resident_kib()
        come_and_go(scaled(3000 if ENDURANCE else 1000))
        self.assertLess(server.resident_kib() - before, 8000)
        self.assertEqual(server.end(), 0)

    def test_a_silent_client_is_sent_away(self):
        server = self.serve_chat("--idle", 0.2)
        silent = self.talk(server, "/join tea")
        self.assertIn("nothing came from you for 0.2 s; good-bye", silent.hear_end())
        server.wait_for('event=leave .*reason=idle')

    def test_garbage_does_no_harm(self):
        server = self.serve_chat()
        for seed in range(scaled(50 if ENDURANCE else 10)):
            talker = self.talk(server)
            garbage = b"".join(struct.pack("<I", (seed * 7919 + i * 2654435761) % 2**32)
                               for i in range(2000))
            talker.socket.sendall(garbage)
            talker.socket.shutdown(socket.SHUT_WR)
            talker.hear_end()
        self.talk(server, "/join tea", "fine").hear("> fine")
        self.assertEqual(server.end(), 0)

    def test_ending_the_server_tells_all_and_is_soon(self):
        server = self.serve_chat()
        talkers = [self.talk(server, "/join tea") for _ in range(20)]
        for talker in talkers:
            talker.hear("joined tea")
        server.process.send_signal(signal.SIGTERM)
        for talker in talkers:
            self.assertIn("the server ends; good-bye", talker.hear_end())
            talker.close()
        self.assertEqual(server.end(None), 0)
        self.assertNotIn("event=cut_off", server.text)


if __name__ == "__main__":
    program.main()
