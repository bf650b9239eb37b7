# SPDX-License-Identifier: MIT
"""apps/nbd, judged by the tools of QEMU and of libnbd."""

import json
import os
import pathlib
import random
import tempfile

import program

MIB = 1 << 20


class Nbd(program.Judgement):
    def disk(self, name, size, folder=None):
        path = pathlib.Path(folder or self.folder) / name
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def serve_disks(self, *arguments):
        server = self.serve("nbd", *arguments)
        server.url = f"nbd://{server.host}:{server.port}"
        return server

    def sparse_file(self, name, size=16 * MIB):
        """Every fourth MiB is random, the rest a hole."""
        path = self.disk(name, size)
        with open(path, "r+b") as file:
            for offset in range(0, size, 4 * MIB):
                file.seek(offset)
                file.write(random.randbytes(MIB))
        return path

    def disk_space(self, path):
        return os.stat(path).st_blocks * 512

    def qemu_io(self, url, *commands):
        parts = [part for command in commands for part in ("-c", command)]
        output = self.run_client("qemu-io", "-f", "raw", *parts, url)
        self.assertNotIn("failed", output)
        self.assertNotIn("error", output.lower())
        return output

    def test_qemu_img_converts_to_it_and_back_and_finds_no_difference(self):
        original = self.sparse_file("original")
        disk = self.disk("disk", 16 * MIB)
        server = self.serve_disks("--export", f"disk={disk}")
        url = server.url + "/disk"
        qcow2 = self.folder / "original.qcow2"
        self.run_client("qemu-img", "convert", "-f", "raw", "-O", "qcow2", original, qcow2)
        self.run_client("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "-n", qcow2, url)
        self.assertEqual(disk.read_bytes(), original.read_bytes())
        self.assertLessEqual(self.disk_space(disk), 5 * MIB)
        self.run_client("qemu-img", "compare", "-f", "qcow2", "-F", "raw", qcow2, url)
        back = self.folder / "back"
        self.run_client("qemu-img", "convert", "-f", "raw", "-O", "raw", url, back)
        self.assertEqual(back.read_bytes(), original.read_bytes())
        self.assertLessEqual(self.disk_space(back), 5 * MIB)

    def test_qemu_img_finds_the_byte_that_differs(self):
        original = self.sparse_file("original")
        server = self.serve_disks("--export", f"disk={original}")
        other = self.folder / "other"
        content = bytearray(original.read_bytes())
        content[9 * MIB] ^= 1
        other.write_bytes(content)
        output = self.run_client("qemu-img", "compare", "-f", "raw", "-F", "raw", other,
                                 server.url + "/disk", expect=1)
        self.assertIn(f"mismatch at offset {9 * MIB}", output)

    def test_qemu_img_creates_a_qcow2_image_inside_and_it_stays_sound(self):
        disk = self.disk("disk", 24 * MIB)
        server = self.serve_disks("--export", f"disk={disk}")
        self.run_client("qemu-img", "create", "-f", "qcow2", server.url, "16M")
        output = self.run_client("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 4M",
                                 "-c", "discard 2M 1M", "-c", "write -z 3M 64k",
                                 "-c", "read -P 7 1M 1M", "-c", "read -P 0 3M 64k", server.url)
        self.assertNotIn("failed", output)
        self.run_client("qemu-img", "check", "-f", "qcow2", server.url)
        server.end()
        self.run_client("qemu-img", "check", "-f", "qcow2", disk)

    def test_qemu_io_finds_the_patterns_that_it_wrote_in_parallel(self):
        disk = self.disk("disk", 32 * MIB)
        server = self.serve_disks("--export", f"disk={disk}")
        places = [(offset, 1 + offset // 65536 % 255) for offset in range(0, 8 * MIB, 192 * 1024)]
        random.shuffle(places)
        self.qemu_io(server.url,
                     *(f"aio_write -P {pattern} {offset} 192k" for offset, pattern in places),
                     "aio_flush", "flush",
                     *(f"aio_read -P {pattern} {offset} 192k" for offset, pattern in places),
                     "aio_flush", "write -f -P 200 31M 1M", "read -P 200 31M 1M")
        content = disk.read_bytes()
        for offset, pattern in places:
            self.assertEqual(content[offset:offset + 192 * 1024], bytes([pattern]) * 192 * 1024)

    def test_what_is_trimmed_or_zeroed_gives_its_space_back(self):
        disk = self.disk("disk", 8 * MIB)
        disk.write_bytes(b"x" * 8 * MIB)
        server = self.serve_disks("--export", f"disk={disk}")
        self.qemu_io(server.url, "discard 0 2M", "write -z -u 2M 2M", "read -P 0 2M 2M",
                     "read -P 120 4M 4M")
        self.assertLessEqual(self.disk_space(disk), 4 * MIB + 64 * 1024)
        self.qemu_io(server.url, "write -z 4M 2M", "read -P 0 4M 2M")  # keeps its space
        self.assertGreaterEqual(self.disk_space(disk), 4 * MIB)
        self.assertEqual(disk.read_bytes(), bytes(6 * MIB) + b"x" * 2 * MIB)

    def test_zeros_are_written_where_the_file_system_has_no_better_way(self):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # tmpfs zeroes no ranges
            disk = self.disk("disk", 8 * MIB, folder)
            disk.write_bytes(b"x" * 8 * MIB)
            server = self.serve_disks("--export", f"disk={disk}")
            self.qemu_io(server.url, "write -z 12345 3M", "read -P 0 12345 3M")
            self.assertEqual(disk.read_bytes(),
                             b"x" * 12345 + bytes(3 * MIB) + b"x" * (5 * MIB - 12345))
            self.assertGreaterEqual(self.disk_space(disk), 8 * MIB)

    def test_nbdinfo_lists_exports_with_their_abilities(self):
        server = self.serve_disks("--export", f"first={self.disk('1', MIB)}",
                                  "--read-only-export", f"second={self.disk('2', 5000)}")
        listed = json.loads(self.run_client("nbdinfo", "--list", "--json", server.url))
        first, second = listed["exports"]
        self.assertTrue(listed["structured"])
        self.assertEqual([first["export-name"], second["export-name"]], ["first", "second"])
        self.assertEqual([first["export-size"], second["export-size"]], [MIB, 5000])
        self.assertEqual(first["block_size_maximum"], 32 * MIB)
        self.assertEqual(first["contexts"], ["base:allocation"])
        for ability in ("cache", "df", "fast_zero", "flush", "fua", "multi_conn", "trim", "zero"):
            self.assertTrue(first["can_" + ability], ability)
        self.assertFalse(first["is_read_only"])
        self.assertTrue(second["is_read_only"])
        self.assertFalse(second["can_trim"])

    def test_nbdinfo_maps_data_and_holes(self):
        server = self.serve_disks("--export", f"disk={self.sparse_file('disk')}")
        extents = json.loads(self.run_client("nbdinfo", "--map", "--json", server.url))
        self.assertEqual([(extent["offset"], extent["length"], extent["type"])
                          for extent in extents],
                         [extent for start in range(0, 16 * MIB, 4 * MIB)
                          for extent in ((start, MIB, 0), (start + MIB, 3 * MIB, 3))])

    def test_clients_that_name_no_export_get_the_first_one(self):
        server = self.serve_disks("--export", f"first={self.disk('1', MIB)}",
                                  "--export", f"second={self.disk('2', 2 * MIB)}")
        for name, size in (("", MIB), ("/second", 2 * MIB)):
            self.assertEqual(self.run_client("nbdinfo", "--size", server.url + name), f"{size}\n")
        self.run_client("nbdinfo", "--size", server.url + "/third", expect=1)

    def test_nbdcopy_copies_over_several_connections(self):
        original = self.sparse_file("original")
        disk = self.disk("disk", 16 * MIB)
        server = self.serve_disks("--export", f"disk={disk}")
        self.run_client("nbdcopy", "--connections=4", "--requests=32", "--flush", original,
                        server.url)
        self.assertEqual(disk.read_bytes(), original.read_bytes())
        back = self.folder / "back"
        self.run_client("nbdcopy", "--connections=4", "--requests=32", server.url, back)
        self.assertEqual(back.read_bytes(), original.read_bytes())
        self.assertEqual(server.end(), 0)

    def test_a_unix_socket_serves_alone_or_beside_tcp(self):
        disk = self.sparse_file("disk")
        path = self.folder / "socket"
        url = f"nbd+unix:///disk?socket={path}"
        both = self.serve_disks("--export", f"disk={disk}", "--unix", path)
        both.wait_for(f"listening on {path}")
        self.run_client("qemu-img", "compare", "-f", "raw", "-F", "raw", disk, url)
        self.run_client("qemu-img", "compare", "-f", "raw", "-F", "raw", disk, both.url)
        self.assertEqual(both.end(), 0)
        self.assertFalse(path.exists())
        alone = self.start("nbd", "--export", f"disk={disk}", "--unix", path)
        alone.wait_for(f"listening on {path}")
        self.run_client("nbdcopy", url, self.folder / "copy")
        self.assertEqual((self.folder / "copy").read_bytes(), disk.read_bytes())
        self.assertEqual(alone.end(), 0)
        self.assertEqual(alone.text.count("listening"), 1)

    def test_what_can_not_be_served_is_said_at_the_start(self):
        disk = self.disk("disk", MIB)
        for arguments, reason in (
                ((), "nothing to serve"),
                (("--export", "disk"), "wants NAME="),
                (("--export", f"a={disk}", "--export", f"a={disk}"), "there are two exports a"),
                (("--export", f"a={self.folder}/none"), "no such file or directory"),
                (("--export", f"a={self.folder}"), "neither file nor block device")):
            program_ = self.start("nbd", "--port", 0, *arguments)
            self.assertNotEqual(program_.end(None), 0)
            self.assertIn(reason, program_.text)


if __name__ == "__main__":
    program.main()
