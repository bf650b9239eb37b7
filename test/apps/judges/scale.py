# SPDX-License-Identifier: MIT
"""How much of a test to do. Programs with sanitizers are many times slower, and who changes
something does not want to wait for a thousand repetitions."""

import os
import pathlib
import re

_CACHE = (pathlib.Path(os.environ["COLOOP_APPS"]).parent / "CMakeCache.txt").read_text()


def _configured(setting):
    return re.search(f"^{setting}", _CACHE, re.MULTILINE) is not None


SANITIZED = _configured("CMAKE_CXX_FLAGS:.*-fsanitize=")
ENDURANCE = _configured("COLOOP_TEST_ENDURANCE:BOOL=(ON|TRUE|YES|Y|1)$")


def scaled(count):
    """`count`, or a tenth of it where programs are built with a sanitizer; times COLOOP_SCALE, for
    those who want to see more."""
    return int(count * float(os.environ.get("COLOOP_SCALE", 1))) // (10 if SANITIZED else 1)


def endured(count, sanitized):
    """`count` in presets with COLOOP_TEST_ENDURANCE and a twentieth in others; or `sanitized`, with
    a sanitizer. What a test of endurance asserts must be sharp enough for a twentieth."""
    return sanitized if SANITIZED else count if ENDURANCE else count // 20
