"""The modules of the packet path are compiled, and behave the same without."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from radius_svc import compiled

TOP = Path(__file__).parents[4]
AS_PLAIN_PYTHON = "ISPOS_TEST_PLAIN_PYTHON"
is_as_plain_python = AS_PLAIN_PYTHON in os.environ


@pytest.mark.parametrize("name", compiled.MODULES)
def test_modules_of_the_packet_path_are_compiled(name):
    if not compiled.folder().is_dir() and "CI" not in os.environ and not is_as_plain_python:
        pytest.skip("the listener is not compiled, or has been changed since: make compiled")
    file = Path(importlib.import_module(name).__file__)
    assert file.suffix == (".py" if is_as_plain_python else ".so")


@pytest.mark.skipif(is_as_plain_python, reason="this is what it runs")
def test_plain_python_passes_the_same_tests(tmp_path):
    package = Path(compiled.__file__).parent
    shutil.copytree(
        package, tmp_path / "radius_svc", ignore=shutil.ignore_patterns(compiled.FOLDER.name, "__pycache__")
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__).parent)],
        cwd=TOP,
        env=os.environ | {"PYTHONPATH": str(tmp_path), AS_PLAIN_PYTHON: "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert run.returncode == 0, run.stdout[-3000:]


def test_compiled_modules_of_other_sources_are_not_used(tmp_path, monkeypatch):
    before = compiled.folder()
    shutil.copytree(Path(compiled.__file__).parent, tmp_path / "radius_svc")
    monkeypatch.setattr(compiled, "_SOURCE", tmp_path)
    assert compiled.folder() == before

    with compiled.source_of(compiled.MODULES[0]).open("a") as source:
        source.write("# edited")
    assert compiled.folder() != before


@pytest.mark.parametrize("name", compiled.MODULES)
def test_different_exceptions_are_caught_under_different_names(name):
    """mypyc gives a name the type of the first `except`.

    Catching another exception with it is a TypeError.
    """
    for function in ast.walk(ast.parse(compiled.source_of(name).read_text())):
        if isinstance(function, ast.FunctionDef):
            caught = Counter(
                each.name for each in ast.walk(function) if isinstance(each, ast.ExceptHandler) and each.name
            )
            assert not caught or max(caught.values()) == 1, function.name
