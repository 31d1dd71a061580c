"""What all receivers of packets have in common.

A packet is looked at in the order that costs a stranger most and us least: who sent it, was it answered
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

MOST_OCTETS: Final = MAXIMUM_LENGTH + 1
_PACKETS_AT_ONCE: Final = 32
# How long a receiver waits for a packet before it looks after what waits for it.
IDLE_MILLISECONDS: Final = 20
_LOOPBACK: Final = ("127.0.0.1", "::1")


class Asked:
    """A verified request, and where its answer goes. `received` is monotonic, in seconds.

    No dataclass, as it is made for every packet: what a dataclass is made with stays uncompiled.
    """

    __slots__ = ("address", "key", "nas", "received", "request")

    def __init__(self, request: Request, nas: NasEntry, key: Key, address: Address, received: float) -> None:
        self.request, self.nas, self.key = request, nas, key
        self.address, self.received = address, received


@dataclass(frozen=True, slots=True)
class Shared:
    """What the receivers of a process have together. Whoever knows `status_secret` may ask from this machine
    whether they are there."""

    index: Index
    recorder: Recorder
    clock: Clock
    status_secret: bytes | None = None


class Receiver:
    """Reads packets and sees to it that each is answered once. Subclasses answer."""

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
        """Answer packets until told to end."""
        _wait_at_most(self._socket, IDLE_MILLISECONDS)
        while not stopping.is_set():
            self.receive_burst()
            self._send_answers()
            self.look_after(time.monotonic())
            self._send_answers()
        self.finish()
        self._send_answers()
        self._tally.flush_now()

    def receive_burst(self) -> None:
        """Wait a little for a packet, and take what else is there.

        Answers go out together: each wakes whoever waits for it, and waking takes longer than answering.
        """
        receive, take, flags = self._socket.recvfrom, self._take, 0
        try:
            for _ in range(_PACKETS_AT_ONCE):
                take(*receive(MOST_OCTETS, flags))
                flags = socket.MSG_DONTWAIT
        except BlockingIOError:  # nobody asked, or nobody else
            pass

    def look_after(self, now: float) -> None:
        """Called after every burst, and many times a second when there is none. `now` is monotonic."""
        self._duplicates.forget_old(now)
        self._tally.flush(now)

    def finish(self) -> None:
        """Called once, when no more packets are read."""

    def handle(self, octets: bytes, address: Address) -> None:
        """One datagram, answered at once where that is possible."""
        self._take(octets, address)
        self._send_answers()

    def _take(self, octets: bytes, address: Address) -> None:
        """Whatever is wrong with a packet ends here, counted."""
        try:
            self._handle(octets, address)
        except Malformed as malformed:  # not also `error`: mypyc would take every error for one of these
            self._tally.count(metrics.MALFORMED, self.kind, str(malformed))
        except Exception as error:  # the loop outlives any packet; its content stays out of the log
            self._drop("error")
            log.exception("a packet could not be handled", kind=self.kind, error=type(error).__name__)

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
            self._disbelieve(fault, nas)
            return
        self._recorder.note_heard(nas)
        self.answer(Asked(request, nas, key, address, received))

    def answer(self, asked: Asked) -> None:
        """Answer a verified request. Raises Malformed."""
        raise NotImplementedError

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        """Why the request is not to be believed: `unsigned`, `bad_authenticator`, or None."""
        raise NotImplementedError

    def _repeat(self, key: Key, address: Address) -> None:
        """RFC 5080 2.2.2: a retransmission gets the answer of before, or waits for it, and does nothing."""
        self._tally.count(metrics.DUPLICATES, self.kind)
        reply = self._duplicates.find(key)
        if reply is not None:
            self._send(reply, address)

    def _disbelieve(self, fault: str, nas: NasEntry) -> None:
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
        """RFC 5997: a signed question whether we are there, by a NAS or by our own health check."""
        secrets = [nas.secret] if nas is not None else []
        if self._status_secret is not None and source in _LOOPBACK:
            secrets.append(self._status_secret)
        for secret in secrets:
            if request.signature_is_right(secret):
                self._count("status", nas)
                self._send(signed_reply(request, self.status_reply_code, b"", secret), address)
                return
        self._drop("bad_status_request")

    def _reply(self, asked: Asked, reply: bytes) -> None:
        self._duplicates.keep(asked.key, reply)
        self._send(reply, asked.address)
        self._tally.took(time.monotonic() - asked.received)

    def _send(self, reply: bytes, address: Address) -> None:
        self._answers.append((reply, address))

    def _send_answers(self) -> None:
        for reply, address in self._answers:
            try:
                self._socket.sendto(reply, address)
            except OSError:  # no route, or no room: the NAS asks again
                self._drop("send_failed")
        self._answers.clear()

    def _count(self, result: str, nas: NasEntry | None, reason: str = "") -> None:
        self._tally.count(metrics.REQUESTS, self.kind, result, reason, nas.label if nas else "")

    def _drop(self, reason: str) -> None:
        self._tally.count(metrics.DROPPED, self.kind, reason)


def _wait_at_most(sock: socket.socket, milliseconds: int) -> None:
    """The system's own time-out: unlike Python's it costs a packet no further system call."""
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, milliseconds * 1000))
