"""Answers Accounting-Requests once they are on disk, many with one commit."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from servicekit.logs import log
from sqlalchemy.exc import SQLAlchemyError

from radius_svc.listener import metrics
from radius_svc.listener.events import Event, read_event
from radius_svc.listener.index import NasEntry
from radius_svc.listener.packet import (
    ACCOUNTING_REQUEST,
    ACCOUNTING_RESPONSE,
    MAXIMUM_LENGTH,
    Malformed,
    Request,
    accounting_response,
)
from radius_svc.listener.receiver import Asked, Receiver
from radius_svc.listener.spool import Spool, SpooledPacket
from radius_svc.listener.store import AccountingStore

BATCH = 512
# A commit costs much and a row little: where few have come, a moment of waiting makes one commit of more.
FEW = 8
LINGER_SECONDS = 0.0005


@dataclass(slots=True)
class _Waiting:
    asked: Asked
    event: Event
    received_at: datetime


class AccountingReceiver(Receiver):
    """While the database is away, packets go to the spool and are acknowledged from there. If that cannot be
    written either, they wait unanswered, up to a limit, and the NAS sends them again."""

    kind = "accounting"
    code = ACCOUNTING_REQUEST
    status_reply_code = ACCOUNTING_RESPONSE

    backlog_limit = 20_000
    first_pause_seconds = 0.25
    longest_pause_seconds = 8.0

    def __init__(
        self, sock: socket.socket, *, store: AccountingStore, spool: Spool | None, **shared: Any
    ) -> None:
        super().__init__(sock, **shared)
        self._store = store
        self._spool = spool
        self._waiting: list[_Waiting] = []
        self._retry_at = 0.0
        self._pause_seconds = 0.0  # while the database is away

    def receive_burst(self) -> None:
        """Whatever is there, and what comes within a moment."""
        if not self._receive():
            return
        lingered = False
        while len(self._waiting) < BATCH:
            if self._receive(socket.MSG_DONTWAIT):
                continue
            if lingered or len(self._waiting) >= FEW:
                return
            lingered = True
            time.sleep(LINGER_SECONDS)

    def look_after(self, now: float) -> None:
        """Write and answer what waits; carry over what was spooled."""
        while self._waiting and self._settle(self._waiting[:BATCH], now):
            del self._waiting[:BATCH]
        if self._spool is not None and len(self._spool) and now >= self._retry_at:
            self._carry_over(self._spool)
        super().look_after(now)

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

    def _receive(self, flags: int = 0) -> bool:
        try:
            octets, address = self._socket.recvfrom(MAXIMUM_LENGTH + 1, flags)
        except BlockingIOError:
            return False
        self._take(octets, address)
        return True

    def _settle(self, batch: Sequence[_Waiting], now: float) -> bool:
        """Bring these to disk, here or there, and answer; False if neither is possible now."""
        refused = self._write([waiting.event for waiting in batch]) if now >= self._retry_at else None
        if refused is None and not self._keep_on_disk(batch):
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

    def _write(self, events: Sequence[Event]) -> list[Event] | None:
        """What the database refuses of these, having written the rest; None if it is away."""
        refused: list[Event] = []
        written = self._attempt(lambda: refused.extend(self._store.write_what_is_accepted(events)))
        return refused if written else None

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

    def _carry_over(self, spool: Spool) -> None:
        """A batch from the spool into the database. What is there twice does nothing twice."""
        try:
            packets, last_id = spool.oldest(BATCH)
            refused = self._write(
                [event for packet in packets if (event := self._reread(packet)) is not None]
            )
            if refused is None:
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
