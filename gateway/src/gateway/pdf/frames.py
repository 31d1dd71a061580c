"""How the gateway and its PDF worker talk over a socket: frames of a length and that many octets."""

from __future__ import annotations

import socket
import struct

MAX_OCTETS = 32_000_000
# The first octet of a response. The rest is what failed, which library is missing, or, if it is done: the
# characters that no font has, END_OF_TEXT, and the PDF.
DONE, FAILED, MISSING = b"D", b"F", b"M"
END_OF_TEXT = b"\0"
_LENGTH = struct.Struct("!I")


class Ended(Exception):
    """The other side has closed the connection, or sent something unusable."""


def send(connection: socket.socket, content: bytes) -> None:
    """Raises Ended, TimeoutError."""
    try:
        connection.sendall(_LENGTH.pack(len(content)) + content)
    except (BrokenPipeError, ConnectionError) as error:
        raise Ended from error


def receive(connection: socket.socket) -> bytes:
    """Raises Ended, TimeoutError."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > MAX_OCTETS:
        raise Ended(f"a frame of {length} octets")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, octets: int) -> bytes:
    received = bytearray()
    while len(received) < octets:
        try:
            part = connection.recv(min(octets - len(received), 65_536))
        except ConnectionError as error:
            raise Ended from error
        if not part:
            raise Ended
        received += part
    return bytes(received)
