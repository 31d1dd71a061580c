"""Answers Access-Requests from the index in memory."""

from __future__ import annotations

import socket
from collections import deque
from typing import ClassVar, Final

from contracts.radius import RejectReason

from radius_svc.domain.simultaneous_use import Dial
from radius_svc.listener import metrics
from radius_svc.listener.authentication.decision import Accept, Decrypt, Reject, authenticate, refusal
from radius_svc.listener.authentication.reject_throttle import DelayQueue, RejectCounter
from radius_svc.listener.authentication.session_watch import LimitCheck, SessionWatch
from radius_svc.listener.index.entries import NasEntry
from radius_svc.listener.receiving.receiver import PendingRequest, Receiver, Shared
from radius_svc.protocol.packet import (
    ACCESS_ACCEPT,
    ACCESS_REJECT,
    ACCESS_REQUEST,
    ACCT_SESSION_ID,
    CALLING_STATION_ID,
    USER_NAME,
    Request,
    signed_reply,
)

# About as long as routers wait for an answer, to slow down home routers that dial again and again.
REJECT_DELAY_SECONDS: Final = 1.0
_DELAYED_REJECTS: Final = 10_000


class AuthenticationReceiver(Receiver):
    """Runs in one thread, which must not wait for the database: another one counts the online sessions."""

    kind: ClassVar[str] = "access"
    code: ClassVar[int] = ACCESS_REQUEST
    status_reply_code: ClassVar[int] = ACCESS_ACCEPT

    def __init__(self, sock: socket.socket, shared: Shared, *, decrypt: Decrypt, watch: SessionWatch) -> None:
        super().__init__(sock, shared)
        self._decrypt = decrypt
        self._watch = watch
        self._refused = RejectCounter()
        self._delayed: DelayQueue[tuple[PendingRequest, bytes]] = DelayQueue(
            seconds=REJECT_DELAY_SECONDS, capacity=_DELAYED_REJECTS
        )
        self._limit_checks: deque[tuple[LimitCheck, PendingRequest, Accept]] = deque()

    def tick(self, now: float) -> None:
        if self._delayed:
            for pending, reply in self._delayed.due(now):
                self._unanswered.discard(pending.key)
                self._reply(pending, reply)
        if self._limit_checks:
            self._finish_limit_checks(now)
        super().tick(now)

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        if request.is_signed:
            return None if request.signature_is_right(nas.secret) else "bad_authenticator"
        self._tally.count(metrics.UNSIGNED, nas.label)
        return "unsigned" if nas.require_message_authenticator else None

    def answer(self, pending: PendingRequest) -> None:
        decision = authenticate(pending.request, pending.nas.secret, self._index, self._decrypt)
        if isinstance(decision, Reject):
            self._reject(pending, decision)
            return
        limit = decision.login.session_limit
        if limit is None or not self._starts_limit_check(pending, decision, limit):
            self._accept(pending, decision)

    def _accept(self, pending: PendingRequest, accept: Accept) -> None:
        self._count("accept", pending.nas)
        self._reply(
            pending, signed_reply(pending.request, ACCESS_ACCEPT, accept.attributes, pending.nas.secret)
        )

    def _reject(self, pending: PendingRequest, reject: Reject) -> None:
        """Refuse a login. Repeated ones of one login and MAC are answered late and recorded once a minute."""
        request, nas, now = pending.request, pending.nas, pending.received
        self._count("reject", nas, reject.reason)
        if reject.reason is RejectReason.SECRET_MISMATCH:
            self._recorder.note_secret_mismatch(nas)
        who = (request.attributes.get(USER_NAME), request.attributes.get(CALLING_STATION_ID))
        is_storm = self._refused.is_storm(who, now)
        self._recorder.note_reject(request, reject.reason, self._clock.now(), repeated=is_storm)
        reply = signed_reply(request, ACCESS_REJECT, reject.attributes, nas.secret)
        if not is_storm:
            self._reply(pending, reply)
            return
        self._tally.count(metrics.REJECTS_DELAYED)
        if self._delayed.put((pending, reply), now):
            self._unanswered.add(pending.key)
        else:
            self._drop("too_many_rejects")

    def _starts_limit_check(self, pending: PendingRequest, accept: Accept, limit: int) -> bool:
        """Start a check if the login may have reached its limit; then it is answered later."""
        station = pending.request.attributes.get(CALLING_STATION_ID)
        if not self._watch.may_exceed(accept.username, limit, station):
            return False
        check = self._watch.start_check(accept.username, limit, _dial(pending), pending.received)
        if check is None:
            self._tally.count(metrics.LIMITS_UNDECIDED)
            return False
        self._unanswered.add(pending.key)
        self._limit_checks.append((check, pending, accept))
        return True

    def _finish_limit_checks(self, now: float) -> None:
        while self._limit_checks and self._limit_checks[0][0].is_over(now):
            check, pending, accept = self._limit_checks.popleft()
            self._unanswered.discard(pending.key)
            if check.exceeded:
                self._reject(pending, Reject(RejectReason.TOO_MANY_SESSIONS, refusal(pending.request)))
                continue
            if check.exceeded is None:
                self._tally.count(metrics.LIMITS_UNDECIDED)
            self._accept(pending, accept)


def _dial(pending: PendingRequest) -> Dial:
    request = pending.request
    return Dial(
        calling_station_id=request.text(CALLING_STATION_ID),
        acct_session_id=request.text(ACCT_SESSION_ID),
        router_id=pending.nas.router_id,
    )
