"""Asks routers to change or end live sessions, and writes down what they answered."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from contracts.radius import RequestKind
from prometheus_client import Counter, Histogram
from servicekit.logs import correlated, log

from radius_svc.domain import change_rules
from radius_svc.protocol import coa
from radius_svc.protocol.attribute_names import MIKROTIK_ADDRESS_LIST, MIKROTIK_RATE_LIMIT
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
from radius_svc.queries import listeners
from radius_svc.usecases.following import rounds
from radius_svc.usecases.following.rounds import Work
from radius_svc.usecases.following.sessions import LiveSession

if TYPE_CHECKING:
    from servicekit.runtime import Runtime  # imports nameko, which use cases do not

# Listeners poll every 25 ms. A listener that is late must not delay a disconnect forever.
APPLIED_WITHIN_SECONDS = 2.0
APPLIED_POLL_SECONDS = 0.005

CARRIED_BY_COA = (MIKROTIK_RATE_LIMIT, MIKROTIK_ADDRESS_LIST)

REQUESTS = Counter("isp_coa_requests", "CoA and Disconnect requests", ["kind", "result", "nas"])
RETRIES = Counter("isp_coa_retries", "Packets sent again because no answer came", ["kind", "nas"])
DURATION = Histogram("isp_coa_duration_seconds", "Time until the NAS answered, in seconds", ["kind"])


def follow_change(runtime: Runtime, change_id: int) -> None:
    """One round of one change: send the requests, and record the answers.

    Does nothing if it is not pending.
    """
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
    """Wait until listeners answer by the new tables: a session that is ended dials again at once.

    Gives up after 2 seconds.
    """
    deadline = time.monotonic() + APPLIED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        with runtime.reading() as session:
            if listeners.all_have_applied(session, seq):
                return
        time.sleep(APPLIED_POLL_SECONDS)


def _ask(runtime: Runtime, work: Work, live: LiveSession) -> tuple[RequestKind, coa.CoaResult]:
    """Send the requests of a session in order until one settles it.

    Returns the last request and its answer.
    """
    for kind in live.requests:
        try:
            answer = coa.send(kind, live.target, _attributes(kind, live), now=runtime.now)
        except ValueError as error:  # a value in the row does not fit into a packet
            answer = coa.unsent(error, runtime.now())
        with runtime.transaction() as session:
            rounds.record_attempt(session, work, live, kind, answer)
        _count(kind, live, answer)
        log.info(
            "sent a request to the router",
            kind=kind.value,
            outcome=answer.outcome.value,
            detail=answer.detail,
            service_id=work.service_id,
            router=live.target.address,
        )
        if change_rules.is_settled(answer.outcome, answer.error_cause):
            break
    return kind, answer


def _count(kind: RequestKind, live: LiveSession, answer: coa.CoaResult) -> None:
    nas = live.target.label
    REQUESTS.labels(kind.value, answer.outcome.value, nas).inc()
    RETRIES.labels(kind.value, nas).inc(max(0, answer.tries - 1))
    if answer.answered_at is not None:
        DURATION.labels(kind.value).observe((answer.answered_at - answer.sent_at).total_seconds())


def _attributes(kind: RequestKind, live: LiveSession) -> bytes:
    """The attributes that identify the session, exactly as the router sent them, and what a CoA changes.

    RFC 5176 section 3.
    """
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
