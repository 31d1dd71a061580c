"""UDP sockets: one for each worker on the same port, and which packet meets which worker."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

# While a commit takes long, packets wait here. The system may give less than asked for.
_RECEIVE_BUFFER_OCTETS = 4 << 20
_SO_RCVBUFFORCE = 33
_SO_ATTACH_REUSEPORT_CBPF = 51
# Classic BPF (linux/filter.h), RFC 2865 3: the Identifier is the second octet of a packet.
_LOAD_OCTET, _MODULO, _RETURN_RESULT = 0x30, 0x94, 0x16
_IDENTIFIER_AT = 1


def can_share_a_port() -> bool:
    """Whether several workers can answer on one port: only Linux lets us say which packet is whose."""
    return sys.platform == "linux"


def bind(host: str, port: int, *, workers: int = 1) -> list[socket.socket]:
    """A socket for each worker, all of one port; with port 0 a free one.

    Raises OSError if the port is taken or the host is not ours.
    """
    if workers == 1:
        return [_bind(host, port, shared=False)]
    _bind(host, port, shared=False).close()  # a port shared by us would also be shared with a second start
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
    """A NAS asks from one port, so by its address all its packets would meet one worker. By the Identifier
    they spread, and a retransmission meets the worker that keeps the answer."""
    program = ((_LOAD_OCTET, 0, 0, _IDENTIFIER_AT), (_MODULO, 0, 0, workers), (_RETURN_RESULT, 0, 0, 0))
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(code)
    pointer = struct.pack("HL", len(program), ctypes.addressof(instructions))
    first.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, pointer)
