# SPDX-License-Identifier: MIT
"""A client of the network block device protocol that can also do what no good client does."""

import itertools
import socket
import struct

from program import PATIENCE

READ, WRITE, DISCONNECT, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS = range(8)
FUA, NO_HOLE, DONT_FRAGMENT, ONE_EXTENT, FAST_ZERO = (1 << i for i in range(5))
EPERM, EIO, EINVAL, ENOSPC, ENOTSUP, ESHUTDOWN = 1, 5, 22, 28, 95, 108

EXPORT_NAME, ABORT, LIST, STARTTLS, INFO, GO, STRUCTURED_REPLY, LIST_META, SET_META = (
    1, 2, 3, 5, 6, 7, 8, 9, 10)
ACK, SERVER, INFO_REPLY, META_CONTEXT = 1, 2, 3, 4
UNSUPPORTED, INVALID, UNKNOWN, SHUTDOWN, TOO_BIG = ((1 << 31) + i for i in (1, 3, 6, 7, 9))

OPTION_MAGIC = 0x49484156454f5054
REQUEST_MAGIC = 0x25609513


def sized(text):
    return struct.pack(">I", len(text)) + text


def connect(address):
    """To a (host, port), or to the path of a Unix socket."""
    client = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(address)
    return client


class Answer:
    def __init__(self, cookie):
        self.cookie, self.error, self.chunks, self.extents = cookie, 0, [], []

    def data(self, offset, length):
        """What was read, put together; every byte must have come once."""
        whole, covered = bytearray(length), 0
        for at, size, content in self.chunks:
            whole[at - offset:at - offset + size] = content or bytes(size)
            covered += size
        assert covered == length, f"{covered} bytes for {length}"
        return bytes(whole)


class Client:
    """In the handshake at first; go() begins the transmission."""

    def __init__(self, address, flags=3):
        self.socket = connect(address)
        self.structured = False
        self.cookies = itertools.count(1)
        greeting = self.receive(18)
        assert greeting == struct.pack(">QQH", 0x4e42444d41474943, OPTION_MAGIC, 3), greeting
        self.socket.sendall(struct.pack(">I", flags))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def receive(self, size):
        parts = bytearray()
        while len(parts) < size:
            part = self.socket.recv(size - len(parts))
            if not part:
                raise EOFError(f"the server has gone after {len(parts)} of {size} bytes")
            parts += part
        return bytes(parts)

    def send_option(self, option, data=b""):
        self.socket.sendall(struct.pack(">QII", OPTION_MAGIC, option, len(data)) + data)

    def option(self, option, data=b""):
        """The answers to an option, [(type, data)], up to the one that ends it."""
        self.send_option(option, data)
        answers = []
        while not answers or answers[-1][0] in (SERVER, INFO_REPLY, META_CONTEXT):
            magic, about, kind, size = struct.unpack(">QIII", self.receive(20))
            assert (magic, about) == (0x3e889045565a9, option)
            answers.append((kind, self.receive(size)))
        return answers

    def go(self, export=b"", structured=True, block_status=False):
        if structured:
            assert self.option(STRUCTURED_REPLY) == [(ACK, b"")]
            self.structured = True
        if block_status:
            query = sized(export) + struct.pack(">I", 1) + sized(b"base:allocation")
            assert self.option(SET_META, query)[-1] == (ACK, b"")
        answers = self.option(GO, sized(export) + b"\0\0")
        assert answers[-1] == (ACK, b""), answers
        return self

    def request(self, command, offset=0, length=0, data=b"", flags=0):
        """Sends a request and returns its cookie."""
        cookie = next(self.cookies)
        self.socket.sendall(struct.pack(">IHHQQI", REQUEST_MAGIC, flags, command, cookie, offset,
                                        length or len(data)) + data)
        return cookie

    def answer(self, read_length=0):
        """The next answer that is complete; in simple form, the one to a read has so many bytes."""
        answer = None
        while True:
            magic = struct.unpack(">I", self.receive(4))[0]
            if magic == 0x67446698:
                error, cookie = struct.unpack(">IQ", self.receive(12))
                answer = Answer(cookie)
                answer.error = error
                if not error and read_length:
                    answer.chunks.append((0, read_length, self.receive(read_length)))
                return answer
            assert magic == 0x668e33ef, hex(magic)
            flags, kind, cookie, size = struct.unpack(">HHQI", self.receive(16))
            answer = answer or Answer(cookie)
            assert answer.cookie == cookie  # with one read at a time
            self.take_chunk(answer, kind, self.receive(size))
            if flags & 1:
                return answer

    @staticmethod
    def take_chunk(answer, kind, content):
        if kind == 1:
            offset = struct.unpack_from(">Q", content)[0]
            answer.chunks.append((offset, len(content) - 8, content[8:]))
        elif kind == 2:
            answer.chunks.append((*struct.unpack(">QI", content), None))
        elif kind == 5:
            answer.extents += struct.iter_unpack(">II", content[4:])
        elif kind == 0x8001:
            answer.error = struct.unpack_from(">I", content)[0]
        else:
            assert kind == 0, kind

    def call(self, command, offset=0, length=0, data=b"", flags=0):
        """Sends a request and waits for its answer, with no other under way."""
        cookie = self.request(command, offset, length, data, flags)
        read_length = length if command == READ and not self.structured else 0
        answer = self.answer(read_length)
        assert answer.cookie == cookie
        return answer

    def read(self, offset, length, flags=0):
        answer = self.call(READ, offset, length, flags=flags)
        assert answer.error == 0, answer.error
        return answer.data(offset if self.structured else 0, length)

    def write(self, offset, data, flags=0):
        return self.call(WRITE, offset, data=data, flags=flags).error
