"""For all tests, however they are started."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def pytest_configure() -> None:
    """What is compiled would otherwise be tested as it was before its source was changed."""
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    subprocess.run(
        ["make", "--silent", "compiled"], cwd=Path(__file__).parent, env=environ, check=True, timeout=300
    )
