# SPDX-License-Identifier: MIT
"""apps/sleepers: what coroutines that sleep take, and that each wakes in its turn or is cancelled."""

import os
import pathlib
import re

from program import Judgement, main

SLEEPERS = pathlib.Path(os.environ["COLOOP_APPS"]) / "sleepers"
SANITIZED = "ASAN_OPTIONS" in os.environ  # stacks are larger there
SIZE = 1000 if SANITIZED else 10_000


class Sleepers(Judgement):
    def table(self, *arguments):
        """The figures by their names; an exit code of 0 says that all ended, and in order."""
        text = self.run_client(SLEEPERS, "--size", SIZE, *arguments)
        self.assertTrue(text.startswith(f"{SIZE} coroutines asleep\n"), text)
        return {name: float(value) for name, value in
                re.findall(r"^([a-z ]+?) +(\d[\d.]*)(?: .*)?$", text, re.M)}

    def test_all_wake_in_order(self):
        self.assertIn("waking in order", self.table())

    def test_all_can_be_cancelled(self):
        self.assertIn("being cancelled", self.table("--cancel"))

    def test_each_takes_little_more_than_a_page(self):
        table = self.table("--stack-size", 65536)
        self.assertGreater(table["resident"], 4000)
        if not SANITIZED:
            self.assertLess(table["resident"] + table["page tables"], 4700)

    def test_it_explains_itself(self):
        self.assertIn("--cancel", self.run_client(SLEEPERS, "--help"))
        self.run_client(SLEEPERS, "--size", 0, expect=105)


if __name__ == "__main__":
    main()
