# SPDX-License-Identifier: MIT
"""How much of a test to do: programs with sanitizers are many times slower."""

import os
import pathlib
import re


def scaled(count):
    """`count`, or a tenth of it where programs are built with a sanitizer; times COLOOP_SCALE, for
    those who want to see more."""
    cache = pathlib.Path(os.environ["COLOOP_APPS"]).parent / "CMakeCache.txt"
    if re.search("^CMAKE_CXX_FLAGS:.*-fsanitize=", cache.read_text(), re.MULTILINE):
        count //= 10
    return int(count * float(os.environ.get("COLOOP_SCALE", 1)))
