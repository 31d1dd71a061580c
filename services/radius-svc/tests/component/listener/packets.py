"""Packets made by pyrad, sent through a plain socket."""

from __future__ import annotations

import socket

from pyrad.packet import AcctPacket, AuthPacket
from simulators.nas import DICTIONARY

from ..conftest import SECRET


def signed_request(username: str, password: bytes) -> bytes:
    packet = AuthPacket(secret=SECRET.encode(), dict=DICTIONARY, authenticator=bytes(range(16)), id=7)
    packet.add_message_authenticator()
    packet["User-Name"] = username
    packet["User-Password"] = packet.PwCrypt(password)
    return packet.RequestPacket()


def exchange(port: int, request: bytes, sock: socket.socket | None = None) -> bytes:
    if sock is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            return exchange(port, request, own)
    sock.settimeout(2)
    sock.sendto(request, ("127.0.0.1", port))
    return sock.recv(4096)


def report(
    status: str, session_id: str = "8100001c", *, ident: int = 0, delay: int = 0, **attributes
) -> bytes:
    """The octets of an Accounting-Request. Sending the same octets again is a retransmission."""
    packet = AcctPacket(secret=SECRET.encode(), dict=DICTIONARY, id=ident)
    packet["Acct-Status-Type"] = status
    packet["Acct-Delay-Time"] = delay
    packet["NAS-IP-Address"] = "127.0.0.1"
    if not status.startswith("Accounting"):
        packet["User-Name"] = attributes.pop("User_Name", "juan")
        packet["Acct-Session-Id"] = session_id
        packet["NAS-Port-Id"] = attributes.pop("NAS_Port_Id", "ether2")
    for name, value in attributes.items():
        packet[name.replace("_", "-")] = value
    return packet.RequestPacket()


def only(sessions):
    (session,) = sessions
    return session
