"""Where Chromium is on this machine."""

from __future__ import annotations

import shutil

# Chromium without a user interface draws the same pages with a quarter of the CPU time.
PROGRAMS = ("chromium-headless-shell", "chromium")


def find_chromium() -> str | None:
    """The path of the Chromium that tests and benchmarks drive, or None if it is not installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
