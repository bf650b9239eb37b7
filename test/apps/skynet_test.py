# SPDX-License-Identifier: MIT
"""apps/skynet: a tree of coroutines adds up right."""

import os
import pathlib

from program import Judgement, main
from scale import SANITIZED

TREES = [(1, 0), (10, 45), (1000, 499_500), (10_000, 49_995_000)]
if not SANITIZED:  # with one it takes too long
    TREES.append((1_000_000, 499_999_500_000))
SKYNET = pathlib.Path(os.environ["COLOOP_APPS"]) / "skynet"


class Skynet(Judgement):
    def test_trees_of_any_depth_add_up(self):
        for size, total in TREES:
            self.assertRegex(self.run_client(SKYNET, "--size", size), rf"^{total} in [\d.]+ s\n$")

    def test_other_sizes_are_refused(self):
        for size in ("0", "50", "101", "ten", "-10", "10000000000"):
            self.run_client(SKYNET, "--size", size, expect=105)
        self.assertIn("--size", self.run_client(SKYNET, "--help"))


if __name__ == "__main__":
    main()
