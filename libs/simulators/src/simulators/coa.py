"""Listens for CoA-Request and Disconnect-Request (RFC 5176) and answers them, with faults if asked to."""

from __future__ import annotations

import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pyrad.packet import DisconnectRequest

from simulators.faults import Faults
from simulators.packets import (
    MAX_PACKET_OCTETS,
    MISSING_ATTRIBUTE,
    NAS_IDENTIFICATION_MISMATCH,
    SESSION_NOT_FOUND,
    coa_reply,
    first,
    read_coa_request,
)
from simulators.sessions import NasSession

_MAX_REPLIES_KEPT = 64


@dataclass(frozen=True)
class CoaExchange:
    """One CoA-Request or Disconnect-Request and whether it was acknowledged."""

    kind: str
    username: str | None
    acknowledged: bool
    error_cause: int | None = None


def find_target(
    request: Any, sessions: Iterable[NasSession], nas_ip_address: str
) -> tuple[NasSession | None, int | None]:
    """The session that the request names, or an Error-Cause. Every attribute that identifies it must match
    (RFC 5176 section 3)."""
    addressed_to = first(request, "NAS-IP-Address")
    if addressed_to is not None and addressed_to != nas_ip_address:
        return None, NAS_IDENTIFICATION_MISMATCH
    given = {
        "acct_session_id": first(request, "Acct-Session-Id"),
        "username": first(request, "User-Name"),
        "framed_ip_address": first(request, "Framed-IP-Address"),
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    if not wanted:
        return None, MISSING_ATTRIBUTE
    for session in sessions:
        if all(getattr(session, name) == value for name, value in wanted.items()):
            return session, None
    return None, SESSION_NOT_FOUND


def apply_change(request: Any, session: NasSession) -> None:
    """Give the session what a CoA-Request changes and leave the rest."""
    session.rate_limit = first(request, "Mikrotik-Rate-Limit") or session.rate_limit
    session.address_list = first(request, "Mikrotik-Address-List") or session.address_list
    session.session_timeout_seconds = first(request, "Session-Timeout") or session.session_timeout_seconds


class CoaServer:
    """`find` gives the session that a request names, or an Error-Cause. `note` is called with every request
    that will be answered, and `obey` after an ACK to carry the request out."""

    def __init__(
        self,
        *,
        secret: bytes,
        faults: Callable[[], Faults],
        find: Callable[[Any], tuple[NasSession | None, int | None]],
        note: Callable[[CoaExchange], None],
        obey: Callable[[Any, NasSession], None],
    ) -> None:
        self._secret = secret
        self._faults = faults
        self._find = find
        self._note = note
        self._obey = obey
        self._replies: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._closed = False
        self._socket: socket.socket | None = None

    def open(self, address: str, port: int) -> None:
        """Port 0 takes a free one. Raises OSError if the port is taken."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))

    @property
    def address(self) -> tuple[str, int]:
        assert self._socket is not None, "the NAS is not started"
        host, port = self._socket.getsockname()
        return host, port

    def stop(self) -> None:
        """Let `run` return."""
        self._closed = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.address)

    def close(self) -> None:
        assert self._socket is not None
        self._socket.close()

    def run(self) -> None:
        """Answer requests until stopped."""
        assert self._socket is not None
        while True:
            octets, address = self._socket.recvfrom(MAX_PACKET_OCTETS)
            if self._closed:
                return
            self._handle(octets, address)

    def _handle(self, octets: bytes, address: Any) -> None:
        faults = self._faults()
        request = read_coa_request(octets, self._secret)
        if request is None or faults.ignore_coa:
            return
        key = (address, request.id, request.authenticator)
        if key in self._replies:  # a retransmission: answer it again, but don't obey twice
            self._send(self._replies[key], address)
            return
        if faults.coa_delay_seconds:
            time.sleep(faults.coa_delay_seconds)
        session, error_cause = self._find(request)
        if faults.nak_coa_with is not None:
            error_cause = faults.nak_coa_with
        reply = coa_reply(request, error_cause)
        self._keep(key, reply)
        kind = "disconnect" if request.code == DisconnectRequest else "coa"
        self._note(CoaExchange(kind, first(request, "User-Name"), error_cause is None, error_cause))
        self._send(reply, address)
        if error_cause is None and session is not None and not faults.acknowledge_but_ignore:
            self._obey(request, session)

    def _keep(self, key: tuple[Any, ...], reply: bytes) -> None:
        self._replies[key] = reply
        while len(self._replies) > _MAX_REPLIES_KEPT:
            self._replies.popitem(last=False)

    def _send(self, reply: bytes, address: Any) -> None:
        assert self._socket is not None
        faults = self._faults()
        if faults.coa_replies_to_lose > 0:
            faults.coa_replies_to_lose -= 1
            return
        for _ in range(2 if faults.duplicate_coa_replies else 1):
            self._socket.sendto(reply, address)
