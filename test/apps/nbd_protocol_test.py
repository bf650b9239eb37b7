# SPDX-License-Identifier: MIT
"""apps/nbd under raw sockets: what the protocol prescribes for mistakes, and hostile clients."""

import contextlib
import os
import random
import resource
import signal
import socket
import struct
import tempfile
import time

import nbd_client as nbd
import program

KIB, MIB = 1 << 10, 1 << 20


class NbdProtocol(program.Judgement):
    def serve_disk(self, content, *arguments, **options):
        self.disk = self.folder / "disk"
        self.disk.write_bytes(content)
        patience = [part for time in ("--handshake-timeout", "--stall-timeout")
                    if time not in arguments for part in (time, 600)]
        self.server = self.serve("nbd", "--export", f"disk={self.disk}", *arguments, *patience,
                                 **options)
        self.address = (self.server.host, self.server.port)
        return self.server

    def client(self, **options):
        client = nbd.Client(self.address)
        self.addCleanup(client.close)
        return client.go(**options)

    def assert_dropped(self, client):
        """The server ends the connection; what it still sends is ignored."""
        try:
            while client.socket.recv(MIB):
                pass
        except ConnectionError:
            pass

    # ---- handshake ----

    def test_options_that_make_no_sense_are_refused_one_by_one(self):
        self.serve_disk(bytes(MIB))
        with nbd.Client(self.address) as client:
            name = nbd.sized(b"disk")
            for option, data, refusal in (
                    (nbd.STARTTLS, b"", nbd.UNSUPPORTED),
                    (4, b"", nbd.UNSUPPORTED),
                    (77, b"whatever", nbd.UNSUPPORTED),
                    (nbd.LIST, b"data", nbd.INVALID),
                    (nbd.STRUCTURED_REPLY, b"data", nbd.INVALID),
                    (nbd.SET_META, name + struct.pack(">I", 0), nbd.INVALID),  # not yet structured
                    (nbd.GO, b"", nbd.INVALID),
                    (nbd.GO, struct.pack(">I", 99) + b"disk\0\0", nbd.INVALID),
                    (nbd.GO, name + b"\0\1", nbd.INVALID),
                    (nbd.GO, name + b"\0\0more", nbd.INVALID),
                    (nbd.INFO, nbd.sized(b"nothing") + b"\0\0", nbd.UNKNOWN),
                    (nbd.GO, nbd.sized(b"x" * 5000) + b"\0\0", nbd.TOO_BIG)):
                with self.subTest(option=option, data=data[:16]):
                    self.assertEqual([kind for kind, _ in client.option(option, data)], [refusal])
            client.go(b"disk")
            self.assertEqual(client.read(0, 10), bytes(10))

    def test_an_export_is_described_as_far_as_is_asked(self):
        self.serve_disk(bytes(MIB))
        with nbd.Client(self.address) as client:
            answers = client.option(nbd.INFO, nbd.sized(b"") + struct.pack(">HHHHH", 4, 1, 2, 3, 99))
            self.assertEqual(answers[0][1][:10], struct.pack(">HQ", 0, MIB))
            self.assertEqual([data for _, data in answers[1:]],
                             [b"\0\1disk", struct.pack(">HIII", 3, 1, 4096, 32 * MIB), b""])
            names = struct.pack(">H", 9999) + 9999 * b"\0\1"
            often = client.option(nbd.INFO, nbd.sized(b"disk") + names)
            self.assertEqual([data for _, data in often[1:]], [b"\0\1disk", b""])

    def test_the_context_base_allocation_can_be_found_and_chosen(self):
        self.serve_disk(bytes(MIB))
        with nbd.Client(self.address) as client:
            client.option(nbd.STRUCTURED_REPLY)

            def contexts(option, *queries):
                return client.option(option, nbd.sized(b"disk") + struct.pack(">I", len(queries)) +
                                     b"".join(map(nbd.sized, queries)))

            listed = [(nbd.META_CONTEXT, b"\0\0\0\0base:allocation"), (nbd.ACK, b"")]
            for queries in ([], [b"base:"], [b"x:y", b"base:allocation"]):
                self.assertEqual(contexts(nbd.LIST_META, *queries), listed)
            self.assertEqual(contexts(nbd.SET_META), [(nbd.ACK, b"")])
            self.assertEqual(contexts(nbd.SET_META, b"base:"), [(nbd.ACK, b"")])
            self.assertEqual(contexts(nbd.SET_META, b"base:allocation")[0][0], nbd.META_CONTEXT)
            self.assertEqual(contexts(nbd.SET_META, b"qemu:dirty"), [(nbd.ACK, b"")])  # replaces it
            client.go(b"disk", structured=False)
            client.structured = True
            self.assertEqual(client.call(nbd.BLOCK_STATUS, 0, MIB).error, nbd.EINVAL)

    def test_the_oldest_way_to_choose_an_export_still_works(self):
        self.serve_disk(b"abc" + bytes(MIB))
        for flags, zeroes in ((1, 124), (3, 0)):
            with nbd.Client(self.address, flags) as client:
                client.send_option(nbd.EXPORT_NAME, b"disk")
                self.assertEqual(client.receive(10 + zeroes)[:8], struct.pack(">Q", MIB + 3))
                self.assertEqual(client.read(0, 3), b"abc")
        with nbd.Client(self.address) as client:
            client.send_option(nbd.EXPORT_NAME, b"nothing")
            self.assert_dropped(client)
        with nbd.Client(self.address) as client:
            self.assertEqual(client.option(nbd.ABORT), [(nbd.ACK, b"")])
            self.assert_dropped(client)

    # ---- requests ----

    def test_each_mistake_has_the_error_that_the_protocol_prescribes(self):
        self.serve_disk(bytes(MIB))
        client = self.client(block_status=True, export=b"disk")
        for error, command, offset, length, flags in (
                (nbd.EINVAL, nbd.READ, MIB, 1, 0),
                (nbd.EINVAL, nbd.READ, 2**64 - 1, 4096, 0),
                (nbd.EINVAL, nbd.READ, 0, 33 * MIB, 0),
                (nbd.EINVAL, nbd.READ, 0, 512, nbd.NO_HOLE),
                (nbd.EINVAL, nbd.READ, 0, 512, 1 << 15),
                (nbd.EINVAL, nbd.TRIM, MIB - 1, 2, 0),
                (nbd.EINVAL, nbd.CACHE, MIB - 1, 2, 0),
                (nbd.EINVAL, nbd.BLOCK_STATUS, MIB - 1, 2, 0),
                (nbd.EINVAL, nbd.BLOCK_STATUS, 0, 0, 0),
                (nbd.ENOSPC, nbd.WRITE_ZEROES, MIB - 1, 2, 0),
                (nbd.EINVAL, nbd.WRITE_ZEROES, 0, 512, nbd.DONT_FRAGMENT),
                (nbd.EINVAL, 8, 0, 0, 0),
                (nbd.EINVAL, 4711, 0, 0, 0),
                (0, nbd.CACHE, 0, MIB, 0),
                (0, nbd.READ, 0, 0, 0),
                (0, nbd.TRIM, 0, 0, 0),
                (0, nbd.FLUSH, 0, 0, nbd.FUA)):
            with self.subTest(command=command, offset=offset, length=length, flags=flags):
                self.assertEqual(client.call(command, offset, length, flags=flags).error, error)
        self.assertEqual(client.write(MIB - 1, b"12"), nbd.ENOSPC)
        self.assertEqual(client.write(MIB - 1, b"1", nbd.FUA), 0)
        self.assertEqual(client.write(MIB, b""), 0)
        self.assertEqual(client.read(MIB - 2, 2), b"\x001")

    def test_a_read_only_export_permits_no_change(self):
        disk = self.folder / "fixed"
        disk.write_bytes(b"x" * MIB)
        self.serve_disk(bytes(1), "--read-only-export", f"fixed={disk}")
        client = self.client(export=b"fixed")
        self.assertEqual(client.write(0, b"y"), nbd.EPERM)
        for command in (nbd.TRIM, nbd.WRITE_ZEROES):
            self.assertEqual(client.call(command, 0, 512).error, nbd.EPERM)
        self.assertEqual(client.call(nbd.FLUSH).error, 0)
        self.assertEqual(client.read(0, 2), b"xx")
        self.assertEqual(disk.read_bytes(), b"x" * MIB)

    def test_a_full_disk_is_reported_and_the_connection_goes_on(self):
        def limit_files():  # the system's "file too large" is as good as "no space"
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))

        self.serve_disk(b"")
        self.server.end()
        os.truncate(self.disk, 4 * MIB)
        server = self.serve("nbd", "--export", f"disk={self.disk}", preexec_fn=limit_files)
        self.address = (server.host, server.port)
        for structured in (True, False):
            client = self.client(structured=structured)
            self.assertEqual(client.write(2 * MIB, b"x" * 4096), nbd.ENOSPC)
            self.assertEqual(client.write(0, b"x" * 4096), 0)
            self.assertEqual(client.read(0, 4096), b"x" * 4096)

    def test_fast_zeroing_is_refused_where_it_would_be_slow(self):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # tmpfs has holes, no more
            disk = f"{folder}/disk"
            with open(disk, "wb") as file:
                file.write(b"x" * MIB)
            server = self.serve("nbd", "--export", f"disk={disk}")
            self.address = (server.host, server.port)
            client = self.client()
            fast = nbd.FAST_ZERO
            answer = client.call(nbd.WRITE_ZEROES, 0, 4096, flags=fast | nbd.NO_HOLE)
            self.assertEqual(answer.error, nbd.ENOTSUP)
            self.assertEqual(client.read(0, 4096), b"x" * 4096)
            self.assertEqual(client.call(nbd.WRITE_ZEROES, 0, 4096, flags=fast).error, 0)
            self.assertEqual(client.read(0, 4097), bytes(4096) + b"x")

    def test_zeros_are_told_and_not_sent(self):
        content = bytes(MIB) + random.randbytes(64 * KIB) + bytes(MIB)
        self.serve_disk(content)
        client = self.client()
        answer = client.call(nbd.READ, 1, len(content) - 2)
        self.assertEqual(answer.data(1, len(content) - 2), content[1:-1])
        self.assertEqual([(offset, size, data is None) for offset, size, data in answer.chunks],
                         [(1, MIB - 1, True), (MIB, 64 * KIB, False),
                          (MIB + 64 * KIB, MIB - 1, True)])
        whole = client.call(nbd.READ, 1, len(content) - 2, flags=nbd.DONT_FRAGMENT)
        self.assertEqual(whole.chunks, [(1, len(content) - 2, content[1:-1])])
        simple = self.client(structured=False)
        self.assertEqual(simple.read(1, len(content) - 2), content[1:-1])

    def test_block_status_tells_data_from_holes(self):
        self.serve_disk(b"x" * MIB)
        client = self.client(export=b"disk", block_status=True)
        self.assertEqual(client.call(nbd.TRIM, 256 * KIB, 256 * KIB).error, 0)
        answer = client.call(nbd.BLOCK_STATUS, 0, MIB)
        self.assertEqual(answer.extents,
                         [(256 * KIB, 0), (256 * KIB, 3), (512 * KIB, 0)])
        answer = client.call(nbd.BLOCK_STATUS, 300 * KIB, 100 * KIB, flags=nbd.ONE_EXTENT)
        self.assertEqual(answer.extents, [(100 * KIB, 3)])

    def test_requests_that_overlap_are_each_whole(self):
        size = 4 * MIB  # four of its locks; and zeroing it by writing takes four steps on tmpfs
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            disk = f"{folder}/disk"
            with open(disk, "wb") as file:
                file.truncate(size)
            server = self.serve("nbd", "--export", f"disk={disk}")
            self.address = (server.host, server.port)
            clients = [self.client() for _ in range(2)]
            for round_ in range(1, 11):
                for client in clients:
                    client.request(nbd.WRITE, 0, data=bytes([round_]) * size)
                    client.request(nbd.WRITE_ZEROES, 0, size, flags=nbd.NO_HOLE)
                    client.request(nbd.READ, 0, size, flags=nbd.DONT_FRAGMENT)
                for client in clients:
                    for answer in [client.answer() for _ in range(3)]:
                        self.assertEqual(answer.error, 0)
                        if answer.chunks:
                            self.assertIn(answer.data(0, size),
                                          (bytes(size), bytes([round_]) * size))

    def test_all_that_was_asked_for_is_done_when_a_client_says_goodbye(self):
        self.serve_disk(bytes(8 * MIB))
        client = self.client()
        for i in range(64):
            client.request(nbd.WRITE, i * 128 * KIB, data=bytes([i + 1]) * 128 * KIB)
        client.request(nbd.DISCONNECT)
        answered = {client.answer().cookie for _ in range(64)}
        self.assertEqual(len(answered), 64)
        self.assertEqual(client.socket.recv(1), b"")
        self.assertEqual(self.disk.read_bytes(), b"".join(bytes([i + 1]) * 128 * KIB
                                                          for i in range(64)))

    def test_who_is_told_to_stop_refuses_requests_until_its_clients_have_gone(self):
        server = self.serve_disk(bytes(MIB), "--grace", 600)
        client = self.client()
        half_way = nbd.Client(self.address)
        self.addCleanup(half_way.close)
        self.assertEqual(half_way.option(77)[0][0], nbd.UNSUPPORTED)  # it is being served
        self.assertEqual(client.write(0, b"x"), 0)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("event=draining")
        self.assertEqual(client.write(1, b"y"), nbd.ESHUTDOWN)
        self.assertEqual(client.call(nbd.READ, 0, 1).error, nbd.ESHUTDOWN)
        self.assertEqual(client.call(nbd.FLUSH).error, 0)
        self.assertEqual(half_way.option(nbd.LIST)[0][0], nbd.SHUTDOWN)
        half_way.close()
        client.request(nbd.DISCONNECT)
        client.close()
        self.assertEqual(server.end(None), 0)
        self.assertEqual(self.disk.read_bytes()[:2], b"x\0")

    # ---- hostile clients ----

    def test_garbage_ends_the_connection_that_sent_it_and_no_other(self):
        self.serve_disk(b"x" * MIB)
        good = self.client()

        def after_go(garbage):
            client = self.client()
            client.socket.sendall(garbage)
            self.assert_dropped(client)

        def from_the_start(garbage):
            with nbd.connect(self.address) as client, contextlib.suppress(OSError):  # a reset
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                while client.recv(MIB):
                    pass

        header = struct.pack(">IHHQQ", nbd.REQUEST_MAGIC, 0, nbd.WRITE, 1, 0)
        after_go(b"\0" * 28)
        after_go(header + struct.pack(">I", 32 * MIB + 1))
        after_go(header + struct.pack(">I", 2**32 - 1))
        with nbd.Client(self.address, flags=4) as client:
            self.assert_dropped(client)
        with nbd.Client(self.address) as client:
            client.socket.sendall(b"IHAVENOOPTION  \0")
            self.assert_dropped(client)
        with nbd.Client(self.address) as client:
            client.socket.sendall(struct.pack(">QII", nbd.OPTION_MAGIC, nbd.LIST, 2**31))
            self.assert_dropped(client)
        for size in (1, 3, 4, 17, 1000):
            from_the_start(random.randbytes(size))
        self.assertEqual(good.read(0, 10), b"x" * 10)
        self.assertEqual(good.write(0, b"y"), 0)
        self.server.wait_for('event=dropped .*reason="a write of 4294967295 bytes"')

    def test_who_goes_in_the_middle_of_a_request_changes_nothing(self):
        self.serve_disk(b"x" * MIB)
        good = self.client()
        for sent in (5, 28, 28 + 1000, 28 + MIB - 1):
            client = self.client()
            header = struct.pack(">IHHQQI", nbd.REQUEST_MAGIC, 0, nbd.WRITE, 1, 0, MIB)
            client.socket.sendall((header + b"y" * MIB)[:sent])
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            self.server.wait_for("event=dropped")
        self.assertEqual(good.read(0, MIB), b"x" * MIB)

    def test_who_goes_without_its_answers_costs_nothing_in_the_end(self):
        content = random.randbytes(4 * MIB)
        self.serve_disk(content)
        good = self.client()
        before = self.server.descriptors()
        for _ in range(20):
            client = self.client()
            for i in range(32):
                client.request(nbd.READ, i * 64 * KIB, 2 * MIB)
                client.request(nbd.WRITE, 0, data=b"y" * 4096)
            client.close()  # with bytes unread: a reset
        self.eventually(lambda: self.server.descriptors() <= before, "all are closed")
        self.assertIn(good.read(0, 4096), (content[:4096], b"y" * 4096))
        self.assertEqual(good.read(4096, MIB), content[4096:4096 + MIB])

    def test_half_a_request_is_given_up_in_time(self):
        self.serve_disk(bytes(MIB), "--stall-timeout", 0.2)
        for part in (b"\x25", struct.pack(">IHHQQI", nbd.REQUEST_MAGIC, 0, nbd.WRITE, 1, 0, 9)):
            client = self.client()
            client.socket.sendall(part)
            self.assert_dropped(client)
            self.server.wait_for('event=dropped .*timed out')

    def test_a_client_that_never_chooses_an_export_is_dropped(self):
        self.serve_disk(bytes(MIB), "--handshake-timeout", 0.2)
        silent = nbd.connect(self.address)
        self.addCleanup(silent.close)
        silent.recv(18)
        self.assertEqual(silent.recv(1), b"")
        self.server.wait_for('event=dropped .*timed out')

    def test_a_client_that_takes_no_answers_takes_no_memory_and_is_dropped(self):
        self.serve_disk(random.randbytes(32 * MIB), "--stall-timeout", 2)
        good = self.client()
        stalled = self.client()
        stalled.socket.setblocking(False)
        header = b"".join(struct.pack(">IHHQQI", nbd.REQUEST_MAGIC, 0, nbd.READ, cookie, 0, 32 * MIB)
                          for cookie in range(1, 200))
        stalled.socket.send(header)  # answers of 6 GiB
        most = 0
        while not any("timed out" in line for line in list(self.server.lines)):
            self.assertEqual(len(good.read(0, 4096)), 4096)
            most = max(most, self.server.resident_kib())
            time.sleep(0.01)
        self.assertLess(most, 200 << 10)
        stalled.socket.setblocking(True)
        self.assert_dropped(stalled)
        self.assertEqual(len(good.read(0, 4096)), 4096)


if __name__ == "__main__":
    program.main()
