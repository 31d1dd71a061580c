"""Answers Accounting-Requests after they are on disk, many per commit."""

from __future__ import annotations

import select
import socket
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar, Final

from servicekit.logs import log
from sqlalchemy.exc import SQLAlchemyError

from radius_svc.listener import metrics
from radius_svc.listener.accounting.events import Event, read_event
from radius_svc.listener.accounting.spool import Spool, SpooledPacket
from radius_svc.listener.accounting.store import AccountingStore, Writing
from radius_svc.listener.index.entries import NasEntry
from radius_svc.listener.receiving.receiver import (
    IDLE_MILLISECONDS,
    MAX_OCTETS,
    PendingRequest,
    Receiver,
    Shared,
)
from radius_svc.protocol.packet import (
    ACCOUNTING_REQUEST,
    ACCOUNTING_RESPONSE,
    Malformed,
    Request,
    accounting_response,
)

BATCH: Final = 512
# A commit is expensive and a row is cheap. After fewer packets than this, wait a moment for more.
SMALL_BATCH: Final = 8
LINGER_SECONDS: Final = 0.0005
# How many packets to read at once: few, so that the database starts working while more are read,
MAX_READ: Final = 16
# and even fewer while it is writing, so that the next batch is not late.
MAX_READ_WHILE_WRITING: Final = 8
FINISH_SECONDS: Final = 3.0


class _Waiting:
    __slots__ = ("event", "pending", "received_at")

    def __init__(self, pending: PendingRequest, event: Event, received_at: datetime) -> None:
        self.pending, self.event, self.received_at = pending, event, received_at


class AccountingReceiver(Receiver):
    """Writes batches of packets to the database, then acknowledges them.

    While the database is unavailable, packets are written to the spool and acknowledged. If the spool cannot
    be written either, they wait unanswered, up to a limit, and the NAS sends them again.
    """

    kind: ClassVar[str] = "accounting"
    code: ClassVar[int] = ACCOUNTING_REQUEST
    status_reply_code: ClassVar[int] = ACCOUNTING_RESPONSE

    backlog_limit = 20_000
    first_pause_seconds = 0.25
    max_pause_seconds = 8.0

    def __init__(
        self, sock: socket.socket, shared: Shared, *, store: AccountingStore, spool: Spool | None
    ) -> None:
        super().__init__(sock, shared)
        self._store = store
        self._spool = spool
        self._waiting: list[_Waiting] = []
        self._batch: list[_Waiting] = []
        self._writing: Writing | None = None  # of the batch
        self._retry_at = 0.0
        self._pause_seconds = 0.0  # while the database is unavailable

    def receive_burst(self) -> None:
        """Wait a moment for packets, or until the current batch is written. Read what has arrived."""
        if not self._is_packet_there():
            return
        if self._writing is not None:
            self._read_packets(MAX_READ_WHILE_WRITING)
            return
        limit = MAX_READ if self._store.writes_in_background else BATCH
        self._read_packets(limit)
        if len(self._waiting) < SMALL_BATCH:
            time.sleep(LINGER_SECONDS)
            self._read_packets(limit)

    def tick(self, now: float) -> None:
        """Write waiting packets, answer written ones, and move spooled packets into the database."""
        if self._writing is None and not self._pause_seconds:
            self._store.prepare()
        while self._advance(now):
            pass
        super().tick(now)

    def finish(self) -> None:
        """Write and answer all packets that were read, if the database is available."""
        give_up_at = time.monotonic() + FINISH_SECONDS
        while (self._writing is not None or self._waiting) and time.monotonic() < give_up_at:
            if self._writing is not None and self._writing.waits_for is not None:
                wait = select.poll()
                wait.register(*self._writing.waits_for)
                wait.poll(IDLE_MILLISECONDS)
            if not self._advance(time.monotonic()) and self._writing is None:
                return  # neither the database nor the spool can be written

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        if not request.accounting_authenticator_is_right(nas.secret):
            return "bad_authenticator"
        if request.is_signed and not request.signature_is_right(nas.secret):
            return "bad_authenticator"
        return None

    def answer(self, pending: PendingRequest) -> None:
        received_at = self._clock.now()
        event = read_event(pending.request, pending.nas, self._index, received_at)
        if event is None:
            self._count("ignored", pending.nas)
            self._acknowledge(pending)
        elif len(self._waiting) >= self.backlog_limit:
            self._drop("backlog_full")
        else:
            self._unanswered.add(pending.key)
            self._waiting.append(_Waiting(pending, event, received_at))

    def _is_packet_there(self) -> bool:
        """Wait a moment. Returns whether a packet has arrived, and the current batch is not written yet."""
        wait = select.poll()
        wait.register(self._socket, select.POLLIN)
        if self._writing is not None and self._writing.waits_for is not None:
            wait.register(*self._writing.waits_for)
        ready = wait.poll(IDLE_MILLISECONDS)
        return [descriptor for descriptor, _ in ready] == [self._socket.fileno()]

    def _read_packets(self, limit: int) -> None:
        receive, take = self._socket.recvfrom, self._take
        try:
            for _ in range(limit):
                take(*receive(MAX_OCTETS, socket.MSG_DONTWAIT))
        except BlockingIOError:
            pass

    def _advance(self, now: float) -> bool:
        """Do one step of writing; False if there is nothing to do now."""
        if self._writing is None:
            self._empty_spool_if_due(now)
            return self._begin_next(now)
        if not self._writing.is_over():
            return False
        batch, refused = self._batch, self._end(self._writing)
        self._writing = None
        if not self._has_spooled:
            # Before sending the answers, so that the database is working in the meantime.
            self._begin_next(now)
        return self._settle(batch, refused)

    def _begin_next(self, now: float) -> bool:
        """Start the next batch; False if none is queued or it must wait."""
        if not self._waiting:
            return False
        away = now < self._retry_at
        if self._store.writes_in_background and not away:
            batch, self._waiting = _batch_of_one_kind(self._waiting)
        else:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        if away:
            return self._settle(batch, refused=None)
        self._batch, self._writing = batch, self._store.begin([waiting.event for waiting in batch])
        return True

    def _end(self, writing: Writing) -> list[Event] | None:
        """Finish writing. Returns the events the database refuses, or None if it is unavailable."""
        refused: list[Event] = []
        return refused if self._attempt(lambda: refused.extend(writing.end())) else None

    def _settle(self, batch: list[_Waiting], refused: list[Event] | None) -> bool:
        """Answer a batch that is in the database or the spool. Otherwise queue it again and return False."""
        if refused is None and not self._write_to_spool(batch):
            self._waiting = batch + self._waiting
            return False
        metrics.ACCOUNTING_BATCH.observe(len(batch))
        for waiting in batch:
            self._unanswered.discard(waiting.pending.key)
            if refused and waiting.event in refused:
                self._drop("unwritable")
                continue
            self._count("stored" if refused is not None else "spooled", waiting.pending.nas)
            self._acknowledge(waiting.pending)
        return True

    def _acknowledge(self, pending: PendingRequest) -> None:
        self._reply(pending, accounting_response(pending.request, pending.nas.secret))

    def _attempt(self, write: Callable[[], None]) -> bool:
        """Write; False if the database cannot be written. Then there is a pause before the next try."""
        try:
            write()
        except SQLAlchemyError as error:
            if not self._pause_seconds:
                log.error("cannot write to the database", error=type(error).__name__)
            self._pause()
            return False
        if self._pause_seconds:
            log.info("the database is writable again")
        self._pause_seconds = 0.0
        return True

    def _pause(self) -> None:
        longer = max(self.first_pause_seconds, 2 * self._pause_seconds)
        self._pause_seconds = min(longer, self.max_pause_seconds)
        self._retry_at = time.monotonic() + self._pause_seconds

    def _write_to_spool(self, batch: Sequence[_Waiting]) -> bool:
        if self._spool is None or not self._spool.has_room():
            return False
        packets = [
            SpooledPacket(waiting.pending.request.octets, waiting.pending.nas.address, waiting.received_at)
            for waiting in batch
        ]
        try:
            self._spool.add(packets)
        except sqlite3.Error as error:
            log.error("cannot write to the spool", error=str(error))
            return False
        metrics.SPOOLED.set(len(self._spool))
        return True

    @property
    def _has_spooled(self) -> bool:
        return self._spool is not None and len(self._spool) > 0

    def _empty_spool_if_due(self, now: float) -> None:
        """Move a batch from the spool into the database, between two batches of packets."""
        if self._spool is not None and len(self._spool) and now >= self._retry_at:
            self._empty_spool(self._spool)

    def _empty_spool(self, spool: Spool) -> None:
        """Write a batch of spooled packets. Safe to repeat: writing a packet twice has no further effect."""
        try:
            packets, last_id = spool.oldest(BATCH)
            events = [event for packet in packets if (event := self._reread(packet)) is not None]
            refused: list[Event] = []
            if not self._attempt(lambda: refused.extend(self._store.write_what_is_accepted(events))):
                return
            for _ in refused:
                self._drop("unwritable")
            spool.remove_to(last_id)
        except sqlite3.Error as error:
            log.error("cannot read the spool", error=str(error))
            self._pause()
        metrics.SPOOLED.set(len(spool))

    def _reread(self, packet: SpooledPacket) -> Event | None:
        """The event of a spooled packet, even if its router has been removed."""
        nas = self._index.nas.get(packet.source) or NasEntry.forgotten(packet.source)
        try:
            return read_event(Request(packet.octets), nas, self._index, packet.received_at)
        except Malformed:
            self._drop("unreadable_spool")
            return None


def _batch_of_one_kind(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """The events that one statement can write together with the oldest one, and the others."""
    kind = waiting[0].event.kind
    batch = [each for each in waiting if each.event.kind == kind]
    others = [each for each in waiting if each.event.kind != kind] + batch[BATCH:]
    return batch[:BATCH], others
