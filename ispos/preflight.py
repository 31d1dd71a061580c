"""Checks before anything starts. Each error is one line that ends with a command to fix it."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ispos.settings import Installation


class CannotStart(Exception):
    """The system cannot start. The message says why and what to do."""


def cannot_write(data_dir: Path, error: OSError) -> CannotStart:
    return CannotStart(
        f"The data folder {data_dir} cannot be written ({error.strerror}). "
        "Choose another one: ISPOS_DATA_DIR=/path make run"
    )


@contextmanager
def data_dir_held(data_dir: Path) -> Iterator[None]:
    """Lock the data folder for this process. Raises CannotStart if another process has it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "lock").open("w")
    except OSError as error:
        raise cannot_write(data_dir, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"ISP-OS is already running on {data_dir}. Stop it with Ctrl-C in its terminal, "
                "or use another folder: ISPOS_DATA_DIR=/path make run"
            ) from None
        yield


def check_ports(settings: Installation) -> None:
    """Raises CannotStart if a port is taken or we may not use it."""
    gateway, listener = settings.gateway, settings.listener
    _check(socket.SOCK_STREAM, gateway.http_host, gateway.http_port, "ISPOS_HTTP_PORT")
    if settings.radius.freeradius_in_front:
        return  # FreeRADIUS may be using the RADIUS ports of this machine
    _check(socket.SOCK_DGRAM, listener.host, listener.auth_port, "ISPOS_RADIUS_AUTH_PORT")
    _check(socket.SOCK_DGRAM, listener.host, listener.acct_port, "ISPOS_RADIUS_ACCT_PORT")


def _check(kind: int, host: str, port: int, variable: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as sock:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            what = (
                "is in use"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used ({os.strerror(error.errno or 0)})"
            )
            raise CannotStart(
                f"Port {port} on {host} {what}. Choose another one: {variable}={_other(port)} make run"
            ) from error


def _other(port: int) -> int:
    return port + 10000 if port < 55536 else port - 10000
