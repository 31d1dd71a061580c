"""UDP sockets: one per worker on the same port, and a rule for which packet goes to which worker."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

# Packets wait here while a commit takes long. The system may grant less.
_RECEIVE_BUFFER_OCTETS = 4 << 20
_SO_RCVBUFFORCE = 33
_SO_ATTACH_REUSEPORT_CBPF = 51
# Classic BPF (linux/filter.h). The Identifier is the second octet of a packet (RFC 2865 section 3).
_LOAD_OCTET, _MODULO, _RETURN_RESULT = 0x30, 0x94, 0x16
_IDENTIFIER_AT = 1


def can_share_a_port() -> bool:
    """Whether several workers can share a port. Only Linux lets us choose the worker for each packet."""
    return sys.platform == "linux"


def bind(host: str, port: int, *, workers: int = 1) -> list[socket.socket]:
    """A socket per worker, all on the same port. Port 0 chooses a free port.

    Raises OSError if the port is in use or the host is not an address of this machine.
    """
    if workers == 1:
        return [_bind(host, port, shared=False)]
    _bind(host, port, shared=False).close()  # fails if it is in use, even by another listener that shares it
    sockets = [_bind(host, port, shared=True)]
    port = sockets[0].getsockname()[1]
    sockets += [_bind(host, port, shared=True) for _ in range(workers - 1)]
    _spread_by_identifier(sockets[0], workers)
    return sockets


def _bind(host: str, port: int, *, shared: bool) -> socket.socket:
    family, kind, protocol, _name, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        _ask_for_room(bound)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _ask_for_room(bound: socket.socket) -> None:
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
    try:
        bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_OCTETS)
    except OSError:  # not root, or not Linux: net.core.rmem_max is what it gets
        pass


def _spread_by_identifier(first: socket.socket, workers: int) -> None:
    """Choose the worker by the Identifier of a packet.

    A NAS sends from one port, so the usual choice by address would send all its packets to one worker. With
    the Identifier they are spread, and a retransmission goes to the worker that has the answer.
    """
    program = ((_LOAD_OCTET, 0, 0, _IDENTIFIER_AT), (_MODULO, 0, 0, workers), (_RETURN_RESULT, 0, 0, 0))
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(code)
    pointer = struct.pack("HL", len(program), ctypes.addressof(instructions))
    first.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, pointer)
