"""Answers Accounting-Requests once they are on disk, many with one commit."""

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
from radius_svc.listener.receiving.receiver import IDLE_MILLISECONDS, MOST_OCTETS, Asked, Receiver, Shared
from radius_svc.protocol.packet import (
    ACCOUNTING_REQUEST,
    ACCOUNTING_RESPONSE,
    Malformed,
    Request,
    accounting_response,
)

BATCH: Final = 512
# A commit costs much and a row little: where few have come, a moment of waiting makes one commit of more.
FEW: Final = 8
LINGER_SECONDS: Final = 0.0005
# Few, so that the database has something to do while the next ones are read,
AT_ONCE: Final = 16
# and fewer, so that it does not wait for the next ones when it is done.
AT_ONCE_WHILE_WRITING: Final = 8
FINISH_SECONDS: Final = 3.0


class _Waiting:
    __slots__ = ("asked", "event", "received_at")

    def __init__(self, asked: Asked, event: Event, received_at: datetime) -> None:
        self.asked, self.event, self.received_at = asked, event, received_at


class AccountingReceiver(Receiver):
    """While the database is away, packets go to the spool and are acknowledged from there. If that cannot be
    written either, they wait unanswered, up to a limit, and the NAS sends them again."""

    kind: ClassVar[str] = "accounting"
    code: ClassVar[int] = ACCOUNTING_REQUEST
    status_reply_code: ClassVar[int] = ACCOUNTING_RESPONSE

    backlog_limit = 20_000
    first_pause_seconds = 0.25
    longest_pause_seconds = 8.0

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
        self._pause_seconds = 0.0  # while the database is away

    def receive_burst(self) -> None:
        """Wait a little for a packet or until a batch is written. Take what is there or comes in a moment."""
        if not self._is_packet_there():
            return
        if self._writing is not None:
            self._receive_what_is_there(AT_ONCE_WHILE_WRITING)
            return
        most = AT_ONCE if self._store.writes_in_background else BATCH
        self._receive_what_is_there(most)
        if len(self._waiting) < FEW:
            time.sleep(LINGER_SECONDS)
            self._receive_what_is_there(most)

    def look_after(self, now: float) -> None:
        """Have written what waits, answer what is written; carry over what was spooled."""
        if self._writing is None and not self._pause_seconds:
            self._store.prepare()
        while self._advance(now):
            pass
        super().look_after(now)

    def finish(self) -> None:
        """What was read is written and answered, if the database is there."""
        give_up_at = time.monotonic() + FINISH_SECONDS
        while (self._writing is not None or self._waiting) and time.monotonic() < give_up_at:
            if self._writing is not None and self._writing.waits_for is not None:
                wait = select.poll()
                wait.register(*self._writing.waits_for)
                wait.poll(IDLE_MILLISECONDS)
            if not self._advance(time.monotonic()) and self._writing is None:
                return  # it can be written nowhere

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        if not request.accounting_authenticator_is_right(nas.secret):
            return "bad_authenticator"
        if request.is_signed and not request.signature_is_right(nas.secret):
            return "bad_authenticator"
        return None

    def answer(self, asked: Asked) -> None:
        received_at = self._clock.now()
        event = read_event(asked.request, asked.nas, self._index, received_at)
        if event is None:
            self._count("ignored", asked.nas)
            self._acknowledge(asked)
        elif len(self._waiting) >= self.backlog_limit:
            self._drop("backlog_full")
        else:
            self._unanswered.add(asked.key)
            self._waiting.append(_Waiting(asked, event, received_at))

    def _is_packet_there(self) -> bool:
        """Whether one has come within a moment, and is to be seen to before what is written."""
        wait = select.poll()
        wait.register(self._socket, select.POLLIN)
        if self._writing is not None and self._writing.waits_for is not None:
            wait.register(*self._writing.waits_for)
        ready = wait.poll(IDLE_MILLISECONDS)
        return [descriptor for descriptor, _ in ready] == [self._socket.fileno()]

    def _receive_what_is_there(self, most: int) -> None:
        receive, take = self._socket.recvfrom, self._take
        try:
            for _ in range(most):
                take(*receive(MOST_OCTETS, socket.MSG_DONTWAIT))
        except BlockingIOError:
            pass

    def _advance(self, now: float) -> bool:
        """One step of what waits for the disk; False if there is none now."""
        if self._writing is None:
            self._carry_over_if_due(now)
            return self._begin_next(now)
        if not self._writing.is_over():
            return False
        batch, refused = self._batch, self._end(self._writing)
        self._writing = None
        if not self._is_anything_spooled:
            # Before the answers, so that the database has something to do meanwhile.
            self._begin_next(now)
        return self._settle(batch, refused)

    def _begin_next(self, now: float) -> bool:
        """A batch of what waits; False if nothing does, or has to go on waiting."""
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
        """What the database refuses of it, having written the rest; None if it is away."""
        refused: list[Event] = []
        return refused if self._attempt(lambda: refused.extend(writing.end())) else None

    def _settle(self, batch: list[_Waiting], refused: list[Event] | None) -> bool:
        """Answer what is on disk, here or there; else it waits again, and False."""
        if refused is None and not self._keep_on_disk(batch):
            self._waiting = batch + self._waiting
            return False
        metrics.ACCOUNTING_BATCH.observe(len(batch))
        for waiting in batch:
            self._unanswered.discard(waiting.asked.key)
            if refused and waiting.event in refused:
                self._drop("unwritable")
                continue
            self._count("stored" if refused is not None else "spooled", waiting.asked.nas)
            self._acknowledge(waiting.asked)
        return True

    def _acknowledge(self, asked: Asked) -> None:
        self._reply(asked, accounting_response(asked.request, asked.nas.secret))

    def _attempt(self, write: Callable[[], None]) -> bool:
        """Returns False when the database cannot be written now; it is asked again after a pause."""
        try:
            write()
        except SQLAlchemyError as error:
            if not self._pause_seconds:
                log.error("the database cannot be written", error=type(error).__name__)
            self._pause()
            return False
        if self._pause_seconds:
            log.info("the database can be written again")
        self._pause_seconds = 0.0
        return True

    def _pause(self) -> None:
        longer = max(self.first_pause_seconds, 2 * self._pause_seconds)
        self._pause_seconds = min(longer, self.longest_pause_seconds)
        self._retry_at = time.monotonic() + self._pause_seconds

    def _keep_on_disk(self, batch: Sequence[_Waiting]) -> bool:
        if self._spool is None or not self._spool.has_room():
            return False
        packets = [
            SpooledPacket(waiting.asked.request.octets, waiting.asked.nas.address, waiting.received_at)
            for waiting in batch
        ]
        try:
            self._spool.add(packets)
        except sqlite3.Error as error:
            log.error("the spool cannot be written", error=str(error))
            return False
        metrics.SPOOLED.set(len(self._spool))
        return True

    @property
    def _is_anything_spooled(self) -> bool:
        return self._spool is not None and len(self._spool) > 0

    def _carry_over_if_due(self, now: float) -> None:
        """A batch from the spool into the database, between two batches of packets."""
        if self._spool is not None and len(self._spool) and now >= self._retry_at:
            self._carry_over(self._spool)

    def _carry_over(self, spool: Spool) -> None:
        """What is there twice does nothing twice."""
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
            log.error("the spool cannot be read", error=str(error))
            self._pause()
        metrics.SPOOLED.set(len(spool))

    def _reread(self, packet: SpooledPacket) -> Event | None:
        """What the packet says, also if its router is no longer known here."""
        nas = self._index.nas.get(packet.source) or NasEntry.forgotten(packet.source)
        try:
            return read_event(Request(packet.octets), nas, self._index, packet.received_at)
        except Malformed:
            self._drop("unreadable_spool")
            return None


def _batch_of_one_kind(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """What one statement can write, the oldest among it; and the others."""
    kind = waiting[0].event.kind
    batch = [each for each in waiting if each.event.kind == kind]
    others = [each for each in waiting if each.event.kind != kind] + batch[BATCH:]
    return batch[:BATCH], others
