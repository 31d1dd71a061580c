"""Works through the changes of live sessions: many services side by side, one service in order.

A router that does not answer takes seconds for every change. It has its share of the places and no more, so
that it holds up nobody on another router.
"""

from __future__ import annotations

import time
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import eventlet
from contracts.radius import RequestKind
from nameko.extensions import DependencyProvider
from prometheus_client import Counter, Histogram
from servicekit import leases
from servicekit.bell import Bell
from servicekit.db import DATABASE_TROUBLE
from servicekit.ids import new_id
from servicekit.logs import correlated, log
from servicekit.runtime import Runtime, RuntimeExtension

from radius_svc.domain import change_rules
from radius_svc.protocol import coa
from radius_svc.protocol.attributes import ReplyItem, encode
from radius_svc.protocol.packet import (
    ACCT_SESSION_ID,
    FRAMED_IP_ADDRESS,
    NAS_IP_ADDRESS,
    NAS_IPV6_ADDRESS,
    USER_NAME,
    attribute,
    octets_of,
)
from radius_svc.usecases.following import probing, rounds, strays
from radius_svc.usecases.following.rounds import Work
from radius_svc.usecases.following.sessions import ADDRESS_LIST, RATE_LIMIT, LiveSession
from radius_svc.usecases.provisioning import MARK

PER_ROUTER = 25
SIDE_BY_SIDE = 1000
POLL_SECONDS = 1.0
# Renewed every second while there is work: after a crash the next process goes on when it is over.
LEASE = timedelta(seconds=10)
LEASE_NAME = "session-changes"
EMBEDDED_HOLDER = "embedded"
STOP_SECONDS = 8.0
STRAYS_EVERY_SECONDS = 10.0
REFUSED_EVERY_SECONDS = 2.0
# The listener polls every 25 ms; a listener that is late must not hold a disconnect for ever.
APPLIED_WITHIN_SECONDS = 2.0
APPLIED_POLL_SECONDS = 0.005

REQUESTS = Counter("isp_coa_requests", "CoA and Disconnect requests", ["kind", "result", "nas"])
RETRIES = Counter("isp_coa_retries", "Packets sent again because no answer had come", ["kind", "nas"])
DURATION = Histogram("isp_coa_duration_seconds", "Time until the NAS answered", ["kind"])

CARRIED_BY_COA = (RATE_LIMIT, ADDRESS_LIST)


class SessionChangeDispatcher(DependencyProvider):
    """Woken when a change is committed; looks by itself every second for what is due again."""

    shared = RuntimeExtension()

    def start(self) -> None:
        # Embedded there is one process at a time: it goes on at once where a killed one stopped.
        self._holder = EMBEDDED_HOLDER if self.shared.runtime.settings.embedded else new_id()
        self._bell = Bell()
        self._stopping = False
        self._busy: set[int] = set()
        self._pool = eventlet.GreenPool(SIDE_BY_SIDE)
        self.shared.runtime.database.after_commit(MARK, self._bell.ring)
        self.container.spawn_managed_thread(self._run, identifier="session changes")

    def stop(self) -> None:
        """Let the requests under way be answered, and make way for the next process."""
        self._stopping = True
        self._bell.ring()
        with eventlet.Timeout(STOP_SECONDS, False):
            self._pool.waitall()
        try:
            with self.shared.runtime.transaction() as session:
                leases.release(session, LEASE_NAME, self._holder)
        except DATABASE_TROUBLE as error:
            log.warning("the lease is left to expire", name=LEASE_NAME, error=type(error).__name__)

    def _run(self) -> None:
        strays_at = refused_at = 0.0
        while not self._stopping:
            try:
                self._dispatch_due()
                if time.monotonic() >= refused_at:
                    refused_at = time.monotonic() + REFUSED_EVERY_SECONDS
                    self._find_refused()
                if time.monotonic() >= strays_at:
                    strays_at = time.monotonic() + STRAYS_EVERY_SECONDS
                    self._find_strays()
            except Exception as error:
                log.warning("session changes wait", error=f"{type(error).__name__}: {error}")
                eventlet.sleep(POLL_SECONDS)
            self._bell.wait(POLL_SECONDS)

    def _dispatch_due(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:
            due = rounds.due_changes(session, per_router=PER_ROUTER)
        if not due and not self._busy:
            return
        with runtime.transaction() as session:
            if not leases.take(session, LEASE_NAME, self._holder, LEASE):
                return
        for change_id in (change_id for change_id in due if change_id not in self._busy):
            self._busy.add(change_id)
            self._pool.spawn_n(self._follow, change_id)

    def _find_strays(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:  # others write meanwhile
            if not strays.strays(session):
                return
        with runtime.transaction() as session:
            if not leases.take(session, LEASE_NAME, self._holder, LEASE):
                return
            found = strays.ask_strays(session, now=runtime.now())
        if found:
            log.warning("sessions did not follow their service; asking again", sessions=found)

    def _find_refused(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:
            if not probing.refused_logins(session, now=runtime.now()):
                return
        with runtime.transaction() as session:
            if leases.take(session, LEASE_NAME, self._holder, LEASE):
                probing.ask_refused(session, now=runtime.now())

    def _follow(self, change_id: int) -> None:
        try:
            follow_change(self.shared.runtime, change_id)
        except Exception as error:
            log.warning("session change waits", change_id=change_id, error=f"{type(error).__name__}: {error}")
            eventlet.sleep(POLL_SECONDS)
        finally:
            self._busy.discard(change_id)
            self._bell.ring()  # the next change of the same service may go now


def follow_change(runtime: Runtime, change_id: int) -> None:
    """One round of one change: ask each NAS, write down what it said."""
    with runtime.reading() as session:
        work = rounds.load_work(session, change_id)
    if work is None:
        return
    with correlated(work.correlation_id):
        if work.sessions:
            _wait_until_in_force(runtime, work.authorized_seq)
        answers = [_ask(runtime, work, live) for live in work.sessions]
        with runtime.transaction() as session:
            rounds.finish_round(session, work, answers, now=runtime.now())


def _wait_until_in_force(runtime: Runtime, seq: int) -> None:
    """The next dial must find the new answer, so no session is ended before the listeners have it."""
    deadline = time.monotonic() + APPLIED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        with runtime.reading() as session:
            if rounds.all_listeners_applied(session, seq):
                return
        eventlet.sleep(APPLIED_POLL_SECONDS)


def _ask(runtime: Runtime, work: Work, live: LiveSession) -> tuple[RequestKind, coa.Answer]:
    """The requests in their order until one settles it; the last one asked and its answer."""
    for kind in live.requests:
        try:
            answer = coa.send(kind, live.target, _attributes(kind, live), now=runtime.now)
        except ValueError as error:  # what the row says does not fit into a packet
            answer = coa.unsent(error, runtime.now())
        with runtime.transaction() as session:
            rounds.record_attempt(session, work, live, kind, answer)
        _count(kind, live, answer)
        log.info(
            "asked the router",
            kind=kind.value,
            outcome=answer.outcome.value,
            detail=answer.detail,
            service_id=work.service_id,
            router=live.target.address,
        )
        if change_rules.is_settled(answer.outcome, answer.error_cause):
            break
    return kind, answer


def _count(kind: RequestKind, live: LiveSession, answer: coa.Answer) -> None:
    nas = live.target.label
    REQUESTS.labels(kind.value, answer.outcome.value, nas).inc()
    RETRIES.labels(kind.value, nas).inc(max(0, answer.tries - 1))
    if answer.answered_at is not None:
        DURATION.labels(kind.value).observe((answer.answered_at - answer.sent_at).total_seconds())


def _attributes(kind: RequestKind, live: LiveSession) -> bytes:
    """RFC 5176 3: the session by all its identifiers, byte for byte, and for a CoA what is to change."""
    parts: list[Any] = [
        attribute(USER_NAME, octets_of(live.username)),
        attribute(ACCT_SESSION_ID, octets_of(live.acct_session_id)),
    ]
    nas = ip_address(live.nas_ip_address.split("/")[0])
    parts.append(attribute(NAS_IP_ADDRESS if nas.version == 4 else NAS_IPV6_ADDRESS, nas.packed))
    if live.framed_ip_address and ":" not in live.framed_ip_address:
        parts.append(attribute(FRAMED_IP_ADDRESS, ip_address(live.framed_ip_address.split("/")[0]).packed))
    if kind is not RequestKind.DISCONNECT:
        parts.extend(
            encode(ReplyItem(name, "=", live.changes[name]))
            for name in CARRIED_BY_COA
            if name in live.changes
        )
    return b"".join(parts)
