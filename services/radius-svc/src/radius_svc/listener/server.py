"""The sockets: one thread answers Access-Requests, one Accounting-Requests.

A packet is looked at in the order that costs a stranger most and us least: who sent it, is it well formed,
was it answered before, is it signed, what does it say.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from servicekit.clock import Clock
from servicekit.logs import log
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from radius_svc.listener import metrics
from radius_svc.listener.accounting import AccountingStore, Event, read_event
from radius_svc.listener.authenticate import Accept, Decrypt, authenticate
from radius_svc.listener.duplicates import DuplicateCache, Key
from radius_svc.listener.index import Index, NasEntry
from radius_svc.listener.packet import (
    ACCESS_ACCEPT,
    ACCESS_REJECT,
    ACCESS_REQUEST,
    ACCOUNTING_REQUEST,
    ACCOUNTING_RESPONSE,
    MAXIMUM_LENGTH,
    STATUS_SERVER,
    Malformed,
    Request,
    accounting_response,
    signed_reply,
)
from radius_svc.listener.recorder import Recorder

Address = tuple[Any, ...]

_BURST = 512
_POLL_MILLISECONDS = 200
_RECEIVE_BUFFER_OCTETS = 4 << 20
_LOOPBACK = ("127.0.0.1", "::1")


def bind(host: str, port: int) -> socket.socket:
    """A UDP socket of the family of `host`. Raises OSError if the port is taken or the host is not ours."""
    family, kind, protocol, _name, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        # While a commit takes long, packets wait here. The system may give less than asked for.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        bound.setblocking(False)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


class Receiver:
    """What both kinds of requests have in common. Subclasses answer."""

    kind: str
    code: int
    status_reply_code: int

    def __init__(
        self,
        sock: socket.socket,
        *,
        index: Index,
        recorder: Recorder,
        clock: Clock,
        status_secret: bytes | None = None,
    ) -> None:
        self._socket = sock
        self._index = index
        self._recorder = recorder
        self._clock = clock
        self._status_secret = status_secret
        self._duplicates = DuplicateCache()

    def run(self, stopping: threading.Event) -> None:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while not stopping.is_set():
            if poller.poll(_POLL_MILLISECONDS):
                self._receive_burst()
            self.after_burst()

    def after_burst(self) -> None:
        """Called after every burst, and a few times a second when there is none."""

    def handle(self, octets: bytes, address: Address) -> None:
        """One datagram. Whatever is wrong with it ends here, counted."""
        try:
            self._handle(octets, address)
        except Malformed as error:
            metrics.MALFORMED.labels(self.kind, str(error)).inc()
        except Exception as error:  # the loop outlives any packet; its content stays out of the log
            metrics.DROPPED.labels(self.kind, "error").inc()
            log.exception("a packet could not be handled", kind=self.kind, error=type(error).__name__)

    def _receive_burst(self) -> None:
        for _ in range(_BURST):
            try:
                octets, address = self._socket.recvfrom(MAXIMUM_LENGTH + 1)
            except OSError:  # nothing more to read, or an ICMP error about an earlier answer
                return
            self.handle(octets, address)

    def _handle(self, octets: bytes, address: Address) -> None:
        received = time.perf_counter()
        source = address[0].removeprefix("::ffff:")
        nas = self._index.nas.get(source)
        if nas is None and (self._status_secret is None or source not in _LOOPBACK):
            self._drop("unknown_client")
            return
        request = Request(octets)
        if request.code == STATUS_SERVER:
            self._answer_status(request, source, nas, address)
            return
        if nas is None:
            self._drop("unknown_client")
            return
        if request.code != self.code:
            self._drop("unexpected_code")
            return
        key: Key = (address[0], address[1], request.identifier, request.authenticator)
        if self._is_duplicate(key, address):
            return
        if not self._is_signed_well(request, nas):
            return
        self._recorder.note_heard(nas, self._clock.now())
        self.answer(request, nas, key, address, received)

    def answer(self, request: Request, nas: NasEntry, key: Key, address: Address, received: float) -> None:
        """Answer a verified request. Raises Malformed."""
        raise NotImplementedError

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        """Why the request is not to be believed: `unsigned`, `bad_authenticator`, or None."""
        raise NotImplementedError

    def _is_signed_well(self, request: Request, nas: NasEntry) -> bool:
        fault = self.signature_fault(request, nas)
        if fault == "bad_authenticator":
            metrics.BAD_AUTHENTICATOR.labels(self.kind, nas.label).inc()
            self._recorder.note_secret_mismatch(nas, self._clock.now())
        elif fault is not None:
            self._drop(fault)
        return fault is None

    def _is_duplicate(self, key: Key, address: Address) -> bool:
        reply = self._duplicates.find(key, time.monotonic())
        if reply is None:
            return False
        metrics.DUPLICATES.labels(self.kind).inc()
        self._send(reply, address)
        return True

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

    def _reply(self, key: Key, reply: bytes, address: Address, received: float) -> None:
        self._duplicates.keep(key, reply)
        self._send(reply, address)
        metrics.REQUEST_DURATION.labels(self.kind).observe(time.perf_counter() - received)

    def _send(self, reply: bytes, address: Address) -> None:
        try:
            self._socket.sendto(reply, address)
        except OSError:  # no route, or no room: the NAS asks again
            self._drop("send_failed")

    def _count(self, result: str, nas: NasEntry | None, reason: str = "") -> None:
        metrics.REQUESTS.labels(self.kind, result, reason, nas.label if nas else "").inc()

    def _drop(self, reason: str) -> None:
        metrics.DROPPED.labels(self.kind, reason).inc()


class AuthenticationReceiver(Receiver):
    """Answers Access-Requests from memory."""

    kind = "access"
    code = ACCESS_REQUEST
    status_reply_code = ACCESS_ACCEPT

    def __init__(self, sock: socket.socket, *, decrypt: Decrypt, **shared: Any) -> None:
        super().__init__(sock, **shared)
        self._decrypt = decrypt

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        if request.is_signed:
            return None if request.signature_is_right(nas.secret) else "bad_authenticator"
        metrics.UNSIGNED.labels(nas.label).inc()
        return "unsigned" if nas.require_message_authenticator else None

    def answer(self, request: Request, nas: NasEntry, key: Key, address: Address, received: float) -> None:
        decision = authenticate(request, nas.secret, self._index, self._decrypt)
        if isinstance(decision, Accept):
            self._count("accept", nas)
            code = ACCESS_ACCEPT
        else:
            self._count("reject", nas, decision.reason)
            self._recorder.note_reject(request, decision.reason, self._clock.now())
            code = ACCESS_REJECT
        self._reply(key, signed_reply(request, code, decision.attributes, nas.secret), address, received)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An Accounting-Request that is answered once it is on disk."""

    event: Event
    nas: NasEntry
    reply: bytes
    address: Address
    received: float


class AccountingReceiver(Receiver):
    """Answers Accounting-Requests after they are on disk, many with one commit.

    While the database is down nothing is answered; what came is kept, up to a limit, and tried again.
    """

    kind = "accounting"
    code = ACCOUNTING_REQUEST
    status_reply_code = ACCOUNTING_RESPONSE

    backlog_limit = 20_000
    retry_seconds = 0.25
    record_seconds = 1.0

    def __init__(self, sock: socket.socket, *, store: AccountingStore, **shared: Any) -> None:
        super().__init__(sock, **shared)
        self._store = store
        self._waiting: dict[Key, _Waiting] = {}
        self._retry_at = 0.0
        self._record_at = 0.0
        self._failing = False

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        if not request.accounting_authenticator_is_right(nas.secret):
            return "bad_authenticator"
        if request.is_signed and not request.signature_is_right(nas.secret):
            return "bad_authenticator"
        return None

    def answer(self, request: Request, nas: NasEntry, key: Key, address: Address, received: float) -> None:
        if key in self._waiting:
            metrics.DUPLICATES.labels(self.kind).inc()
            return
        event = read_event(request, nas, self._index, self._clock.now())
        reply = accounting_response(request, nas.secret)
        if event is None:
            self._count("ignored", nas)
            self._reply(key, reply, address, received)
        elif len(self._waiting) >= self.backlog_limit:
            self._drop("backlog_full")
        else:
            self._waiting[key] = _Waiting(event, nas, reply, address, received)

    def after_burst(self) -> None:
        now = time.monotonic()
        while self._waiting and now >= self._retry_at:
            self._commit_some()
        if now >= self._record_at:
            self._record_at = now + self.record_seconds
            self._attempt(self._recorder.write)

    def _commit_some(self) -> None:
        batch = dict(list(self._waiting.items())[:_BURST])
        if self._write(batch):
            metrics.ACCOUNTING_BATCH.observe(len(batch))
        else:
            self._retry_at = time.monotonic() + self.retry_seconds

    def _write(self, batch: dict[Key, _Waiting]) -> bool:
        """Commit and answer. Returns False if the database cannot be written now."""
        try:
            written = self._attempt(lambda: self._store.write([waiting.event for waiting in batch.values()]))
        except (DataError, IntegrityError) as error:
            self._refuse_unwritable(batch, error)
            return True
        if written:
            for key, waiting in batch.items():
                del self._waiting[key]
                self._count("stored", waiting.nas)
                self._reply(key, waiting.reply, waiting.address, waiting.received)
        return written

    def _refuse_unwritable(self, batch: dict[Key, _Waiting], error: SQLAlchemyError) -> None:
        """The database refuses one event of the batch for what it says: the others must not wait for it."""
        if len(batch) > 1:
            for key, waiting in batch.items():
                self._write({key: waiting})
            return
        (key,) = batch
        del self._waiting[key]
        self._drop("unwritable")
        log.error("the database refuses an accounting packet", error=type(error).__name__)

    def _attempt(self, write: Any) -> bool:
        """Returns False when the database cannot be written now. Raises DataError, IntegrityError."""
        try:
            write()
        except (DataError, IntegrityError):
            raise
        except SQLAlchemyError as error:
            if not self._failing:
                log.error("the database cannot be written", error=type(error).__name__)
            self._failing = True
            return False
        if self._failing:
            log.info("the database can be written again")
        self._failing = False
        return True
