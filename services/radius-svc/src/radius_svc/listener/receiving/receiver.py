"""What all receivers of packets have in common.

The checks run in an order that makes packets of strangers cheap to drop: who sent it, was it answered
before, is it well formed, is it signed, what does it say.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from servicekit.clock import Clock
from servicekit.logs import log

from radius_svc.listener import metrics
from radius_svc.listener.index.entries import Index, NasEntry
from radius_svc.listener.receiving.duplicates import DuplicateCache, Key, key_of
from radius_svc.listener.receiving.recorder import Recorder
from radius_svc.listener.receiving.tally import Tally
from radius_svc.listener.stopping import Stopping
from radius_svc.protocol.packet import MAXIMUM_LENGTH, STATUS_SERVER, Malformed, Request, signed_reply
from radius_svc.protocol.signing import SharedSecret

Address = tuple[Any, ...]

MAX_OCTETS: Final = MAXIMUM_LENGTH + 1
_PACKETS_AT_ONCE: Final = 32
# How long a receiver waits for a packet before it calls `tick`.
IDLE_MILLISECONDS: Final = 20
_LOOPBACK: Final = ("127.0.0.1", "::1")


class PendingRequest:
    """A verified request that is to be answered. `received` is the monotonic clock in seconds.

    Not a dataclass: it is created for every packet, and mypyc does not compile the methods of a dataclass.
    """

    __slots__ = ("address", "key", "nas", "received", "request")

    def __init__(self, request: Request, nas: NasEntry, key: Key, address: Address, received: float) -> None:
        self.request, self.nas, self.key = request, nas, key
        self.address, self.received = address, received


@dataclass(frozen=True, slots=True)
class Shared:
    """What the receivers of a process share.

    Health checks on this machine send Status-Server requests signed with `status_secret`.
    """

    index: Index
    recorder: Recorder
    clock: Clock
    status_secret: bytes | None = None


class Receiver:
    """Reads packets and makes sure that each is answered only once. Subclasses answer them."""

    kind: ClassVar[str]
    code: ClassVar[int]
    status_reply_code: ClassVar[int]

    def __init__(self, sock: socket.socket, shared: Shared) -> None:
        self._socket = sock
        self._index = shared.index
        self._recorder = shared.recorder
        self._clock = shared.clock
        self._status_secret = SharedSecret(shared.status_secret) if shared.status_secret else None
        self._duplicates = DuplicateCache()
        self._unanswered: set[Key] = set()
        self._answers: list[tuple[bytes, Address]] = []
        self._tally = Tally(self.kind)

    def run(self, stopping: Stopping) -> None:
        """Answer packets until the process must stop."""
        _wait_at_most(self._socket, IDLE_MILLISECONDS)
        while not stopping.is_set():
            self.receive_burst()
            self._send_answers()
            self.tick(time.monotonic())
            self._send_answers()
        self.finish()
        self._send_answers()
        self._tally.flush_now()

    def receive_burst(self) -> None:
        """Wait a moment for a packet, then handle it and the other packets that have arrived.

        Answers are sent together, because each wakes a waiting process, which takes longer than answering.
        """
        receive, take, flags = self._socket.recvfrom, self._take, 0
        try:
            for _ in range(_PACKETS_AT_ONCE):
                take(*receive(MAX_OCTETS, flags))
                flags = socket.MSG_DONTWAIT
        except BlockingIOError:  # no packet, or no more
            pass

    def tick(self, now: float) -> None:
        """Called after every burst, and many times a second in between. `now`: monotonic clock in seconds."""
        self._duplicates.forget_old(now)
        self._tally.flush(now)

    def finish(self) -> None:
        """Called once, after the last packet was read."""

    def handle(self, octets: bytes, address: Address) -> None:
        """Handle one datagram, and send the answer if it is known already."""
        self._take(octets, address)
        self._send_answers()

    def _take(self, octets: bytes, address: Address) -> None:
        """Handle a packet. Errors are counted and do not spread."""
        try:
            self._handle(octets, address)
        except Malformed as malformed:  # another name than `error`, whose type mypyc would narrow
            self._tally.count(metrics.MALFORMED, self.kind, str(malformed))
        except Exception as error:  # no packet may stop the loop; its content is not logged
            self._drop("error")
            log.exception("could not handle a packet", kind=self.kind, error=type(error).__name__)

    def _handle(self, octets: bytes, address: Address) -> None:
        received = time.monotonic()
        source = address[0]
        nas = self._index.nas.get(source)
        if nas is None:
            source = source.removeprefix("::ffff:")
            nas = self._index.nas.get(source)
            if nas is None and (self._status_secret is None or source not in _LOOPBACK):
                self._drop("unknown_client")
                return
        key = key_of(octets, address)
        if key in self._unanswered or self._duplicates.find(key) is not None:
            self._repeat(key, address)
            return
        request = Request(octets)
        if request.code != self.code or nas is None:
            self._handle_other(request, source, nas, address)
            return
        fault = self.signature_fault(request, nas)
        if fault is not None:
            self._drop_badly_signed(fault, nas)
            return
        self._recorder.note_heard(nas)
        self.answer(PendingRequest(request, nas, key, address, received))

    def answer(self, pending: PendingRequest) -> None:
        """Answer a verified request. Raises Malformed."""
        raise NotImplementedError

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        """What is wrong with the signature: `unsigned`, `bad_authenticator`, or None if it is right."""
        raise NotImplementedError

    def _repeat(self, key: Key, address: Address) -> None:
        """Answer a retransmission like the first packet, now or when that is answered (RFC 5080 2.2.2)."""
        self._tally.count(metrics.DUPLICATES, self.kind)
        reply = self._duplicates.find(key)
        if reply is not None:
            self._send(reply, address)

    def _drop_badly_signed(self, fault: str, nas: NasEntry) -> None:
        if fault == "bad_authenticator":
            self._tally.count(metrics.BAD_AUTHENTICATOR, self.kind, nas.label)
            self._recorder.note_secret_mismatch(nas)
        else:
            self._drop(fault)

    def _handle_other(self, request: Request, source: str, nas: NasEntry | None, address: Address) -> None:
        if request.code == STATUS_SERVER:
            self._answer_status(request, source, nas, address)
        else:
            self._drop("unexpected_code" if nas is not None else "unknown_client")

    def _answer_status(self, request: Request, source: str, nas: NasEntry | None, address: Address) -> None:
        """Answer a Status-Server request of a router or of a health check on this machine (RFC 5997)."""
        secrets = [nas.secret] if nas is not None else []
        if self._status_secret is not None and source in _LOOPBACK:
            secrets.append(self._status_secret)
        for secret in secrets:
            if request.signature_is_right(secret):
                self._count("status", nas)
                self._send(signed_reply(request, self.status_reply_code, b"", secret), address)
                return
        self._drop("bad_status_request")

    def _reply(self, pending: PendingRequest, reply: bytes) -> None:
        self._duplicates.keep(pending.key, reply)
        self._send(reply, pending.address)
        self._tally.took(time.monotonic() - pending.received)

    def _send(self, reply: bytes, address: Address) -> None:
        self._answers.append((reply, address))

    def _send_answers(self) -> None:
        for reply, address in self._answers:
            try:
                self._socket.sendto(reply, address)
            except OSError:  # no route, or the buffer is full: the NAS sends again
                self._drop("send_failed")
        self._answers.clear()

    def _count(self, result: str, nas: NasEntry | None, reason: str = "") -> None:
        self._tally.count(metrics.REQUESTS, self.kind, result, reason, nas.label if nas else "")

    def _drop(self, reason: str) -> None:
        self._tally.count(metrics.DROPPED, self.kind, reason)


def _wait_at_most(sock: socket.socket, milliseconds: int) -> None:
    """Set the time-out of the operating system.

    Python's time-out would take another system call per packet.
    """
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, milliseconds * 1000))
