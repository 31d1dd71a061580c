"""Sends requests to the RADIUS server and waits for genuine answers."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from typing import Any

from pyrad.packet import (
    AccessAccept,
    AccessReject,
    AccountingResponse,
    AcctPacket,
    AuthPacket,
    PacketError,
)

from simulators.packets import DICTIONARY, MAX_PACKET_OCTETS

ANSWERS = (AccessAccept, AccessReject, AccountingResponse)


class RadiusClient:
    """Use it from several threads. After `close()`, pending requests end at their next timeout."""

    def __init__(
        self,
        *,
        secret: bytes,
        host: str,
        auth_port: int,
        acct_port: int,
        source_address: str,
        timeout_seconds: float,
        tries: int,
    ) -> None:
        self._secret = secret
        self._host = host
        self._source_address = source_address
        self._timeout_seconds = timeout_seconds
        self._tries = tries
        self._identifiers = itertools.cycle(range(256))
        self._closed = threading.Event()
        self.use_ports(auth_port=auth_port, acct_port=acct_port)

    def use_ports(self, *, auth_port: int, acct_port: int) -> None:
        """Send to these ports from the next packet on."""
        self._auth_address = (self._host, auth_port)
        self._acct_address = (self._host, acct_port)

    def close(self) -> None:
        self._closed.set()

    @property
    def patience_seconds(self) -> float:
        """The longest that one request can take."""
        return self._timeout_seconds * self._tries

    def access_request(self, *, signed: bool) -> AuthPacket:
        """An empty Access-Request; `signed` puts the Message-Authenticator first."""
        request = AuthPacket(secret=self._secret, dict=DICTIONARY, id=next(self._identifiers))
        request.authenticator = os.urandom(16)
        if signed:
            request.add_message_authenticator()
        return request

    def accounting_request(self) -> AcctPacket:
        return AcctPacket(secret=self._secret, dict=DICTIONARY, id=next(self._identifiers))

    def authenticate(self, request: AuthPacket) -> Any | None:
        """The genuine answer, or None if none came in all tries."""
        return self._ask(request, self._auth_address)

    def report(self, request: AcctPacket) -> bool:
        """Whether the server acknowledged it."""
        return self._ask(request, self._acct_address) is not None

    def _ask(self, request: Any, address: tuple[str, int]) -> Any | None:
        """Retransmissions are the same packet: the same identifier and authenticator."""
        octets = request.RequestPacket()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((self._source_address, 0))
            for _ in range(self._tries):
                sock.sendto(octets, address)
                reply = self._await_reply(sock, request)
                if reply is not None or self._closed.is_set():
                    return reply
        return None

    def _await_reply(self, sock: socket.socket, request: Any) -> Any | None:
        until = time.monotonic() + self._timeout_seconds
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                octets = sock.recv(MAX_PACKET_OCTETS)
                reply = request.CreateReply(packet=octets)
            except TimeoutError:
                return None
            except PacketError:
                continue
            reply.request_authenticator = request.authenticator  # salt-encrypted keys depend on it
            if reply.code in ANSWERS and request.VerifyReply(reply, octets, enforce_ma=True):
                return reply
        return None
