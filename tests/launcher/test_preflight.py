"""Errors that prevent a start, and the keys of an installation."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from servicekit.secrets import new_key

from ispos import keys
from ispos.preflight import CannotStart, check_ports, data_dir_held
from ispos.settings import read_installation

KEYS = ("ISPOS_SECRET_KEY", "ISPOS_ENCRYPTION_KEY")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    mask = os.umask(0o022)
    monkeypatch.setenv("ISPOS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ISPOS_LOG_LEVEL", "WARNING")
    for name in KEYS:
        monkeypatch.setenv(name, "")
    yield
    os.umask(mask)


@pytest.mark.parametrize(
    ("variable", "kind"),
    [
        ("ISPOS_HTTP_PORT", socket.SOCK_STREAM),
        ("ISPOS_RADIUS_AUTH_PORT", socket.SOCK_DGRAM),
        ("ISPOS_RADIUS_ACCT_PORT", socket.SOCK_DGRAM),
    ],
)
def test_port_in_use_is_named_with_its_variable(variable, kind, free_port, tmp_path):
    names = ("ISPOS_HTTP_PORT", "ISPOS_RADIUS_AUTH_PORT", "ISPOS_RADIUS_ACCT_PORT")
    ports = dict(zip(names, (str(free_port()) for _ in names), strict=True))
    hosts = {"ISPOS_HTTP_HOST": "127.0.0.1", "ISPOS_RADIUS_HOST": "127.0.0.1"}
    given = {
        **hosts,
        **ports,
        "ISPOS_DATA_DIR": str(tmp_path),
        "ISPOS_SECRET_KEY": "0" * 32,
        "ISPOS_ENCRYPTION_KEY": new_key(),
    }
    settings = read_installation(given)
    check_ports(settings)
    with closing(socket.socket(type=kind)) as taken:
        taken.bind(("127.0.0.1", int(ports[variable])))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(CannotStart, match=f"{ports[variable]} on 127.0.0.1 is in use.*{variable}="):
            check_ports(settings)


def test_data_folder_is_used_by_one_process_at_a_time(tmp_path):
    with (
        data_dir_held(tmp_path),
        pytest.raises(CannotStart, match="already running"),
        data_dir_held(tmp_path),
    ):
        pass
    with data_dir_held(tmp_path):
        pass


def test_data_folder_that_cannot_be_created_prevents_the_start(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ISPOS_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(CannotStart, match="cannot be written"):
        keys.prepare_data_dir()
    with pytest.raises(CannotStart, match="cannot be written"), data_dir_held(tmp_path / "file" / "data"):
        pass


def test_keys_are_created_once_and_only_their_owner_can_read_them(tmp_path, monkeypatch):
    data_dir = keys.prepare_data_dir()
    file = data_dir / "keys.env"
    made = {name: os.environ[name] for name in KEYS}
    assert all(made.values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keys.read_kept(file) == made

    for name in KEYS:
        monkeypatch.setenv(name, "")
    keys.prepare_data_dir()
    assert {name: os.environ[name] for name in KEYS} == made
    assert list(data_dir.glob("keys*")) == [file]


def test_key_from_the_environment_wins_and_is_not_saved(monkeypatch):
    given = new_key()
    monkeypatch.setenv("ISPOS_ENCRYPTION_KEY", given)
    data_dir = keys.prepare_data_dir()
    assert os.environ["ISPOS_ENCRYPTION_KEY"] == given
    assert given not in (data_dir / "keys.env").read_text()


def test_encrypted_data_without_its_key_prevents_the_start(monkeypatch):
    data_dir = keys.prepare_data_dir()
    (data_dir / "subscriber.db").touch()
    (data_dir / "keys.env").unlink()
    monkeypatch.setenv("ISPOS_ENCRYPTION_KEY", "")
    with pytest.raises(CannotStart, match="ISPOS_ENCRYPTION_KEY"):
        keys.prepare_data_dir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_during_startup_stops_what_was_started(number, tmp_path):
    """Everything started is stopped without a traceback, even if the signal comes twice."""
    program = """
import os, signal, sys
from ispos import __main__ as launcher
def run(_arguments):
    try:
        os.kill(os.getpid(), int(sys.argv[2]))
    finally:
        os.kill(os.getpid(), int(sys.argv[2]))
        print("stopped what was started")
launcher.run = run
launcher.main()
"""
    arguments = [sys.executable, "-W", "ignore", "-c", program, "run", str(int(number))]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=30, cwd=tmp_path.cwd())
    assert ended.stdout == "stopped what was started\n"
    assert ended.stderr == "Stopped before startup finished.\n"
    assert ended.returncode == 130
