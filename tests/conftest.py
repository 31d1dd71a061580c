"""Make `tests.support` importable, wherever pytest is started."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = str(Path(__file__).parents[1])
if REPOSITORY not in sys.path:
    sys.path.insert(0, REPOSITORY)
