"""What every packet passes through is compiled, and is the same without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from radius_svc.listener import packet

TOP = Path(__file__).parents[4]
SOURCE = TOP / "services/radius-svc/src/radius_svc"
AS_PLAIN_PYTHON = "ISPOS_TEST_PLAIN_PYTHON"


def test_packets_are_read_by_compiled_code():
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler here")
    assert Path(packet.__file__).suffix == (".py" if AS_PLAIN_PYTHON in os.environ else ".so")


@pytest.mark.skipif(AS_PLAIN_PYTHON in os.environ, reason="this is what it runs")
def test_as_plain_python_it_passes_the_same_tests(tmp_path):
    shutil.copytree(SOURCE, tmp_path / "radius_svc", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__).parent)],
        cwd=TOP,
        env=os.environ | {"PYTHONPATH": str(tmp_path), AS_PLAIN_PYTHON: "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert run.returncode == 0, run.stdout[-3000:]
