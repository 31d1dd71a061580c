"""Answers Access-Requests from memory."""

from __future__ import annotations

import socket
from collections import deque
from typing import ClassVar, Final

from contracts.radius import RejectReason

from radius_svc.domain.simultaneous_use import Dial
from radius_svc.listener import metrics
from radius_svc.listener.authentication.decision import Accept, Decrypt, Reject, authenticate, refusal
from radius_svc.listener.authentication.reject_throttle import DelayQueue, RejectCounter
from radius_svc.listener.authentication.session_watch import Doubt, SessionWatch
from radius_svc.listener.index.entries import NasEntry
from radius_svc.listener.receiving.receiver import Asked, Receiver, Shared
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

# As long as routers wait for an answer, and no longer: the home router that dials for ever dials slower.
REJECT_DELAY_SECONDS: Final = 1.0
_DELAYED_REJECTS: Final = 10_000


class AuthenticationReceiver(Receiver):
    """One thread. What it must not wait for (who is on line, by the database) another one finds out."""

    kind: ClassVar[str] = "access"
    code: ClassVar[int] = ACCESS_REQUEST
    status_reply_code: ClassVar[int] = ACCESS_ACCEPT

    def __init__(self, sock: socket.socket, shared: Shared, *, decrypt: Decrypt, watch: SessionWatch) -> None:
        super().__init__(sock, shared)
        self._decrypt = decrypt
        self._watch = watch
        self._refused = RejectCounter()
        self._delayed: DelayQueue[tuple[Asked, bytes]] = DelayQueue(
            seconds=REJECT_DELAY_SECONDS, capacity=_DELAYED_REJECTS
        )
        self._doubtful: deque[tuple[Doubt, Asked, Accept]] = deque()

    def look_after(self, now: float) -> None:
        if self._delayed:
            for asked, reply in self._delayed.due(now):
                self._unanswered.discard(asked.key)
                self._reply(asked, reply)
        if self._doubtful:
            self._settle_doubts(now)
        super().look_after(now)

    def signature_fault(self, request: Request, nas: NasEntry) -> str | None:
        if request.is_signed:
            return None if request.signature_is_right(nas.secret) else "bad_authenticator"
        self._tally.count(metrics.UNSIGNED, nas.label)
        return "unsigned" if nas.require_message_authenticator else None

    def answer(self, asked: Asked) -> None:
        decision = authenticate(asked.request, asked.nas.secret, self._index, self._decrypt)
        if isinstance(decision, Reject):
            self._reject(asked, decision)
            return
        limit = decision.account.session_limit
        if limit is None or not self._is_doubtful(asked, decision, limit):
            self._accept(asked, decision)

    def _accept(self, asked: Asked, accept: Accept) -> None:
        self._count("accept", asked.nas)
        self._reply(asked, signed_reply(asked.request, ACCESS_ACCEPT, accept.attributes, asked.nas.secret))

    def _reject(self, asked: Asked, reject: Reject) -> None:
        """A storm of one login from one MAC is answered late and written down once a minute."""
        request, nas, now = asked.request, asked.nas, asked.received
        self._count("reject", nas, reject.reason)
        if reject.reason is RejectReason.SECRET_MISMATCH:
            self._recorder.note_secret_mismatch(nas)
        who = (request.attributes.get(USER_NAME), request.attributes.get(CALLING_STATION_ID))
        is_storm = self._refused.is_storm(who, now)
        self._recorder.note_reject(request, reject.reason, self._clock.now(), repeated=is_storm)
        reply = signed_reply(request, ACCESS_REJECT, reject.attributes, nas.secret)
        if not is_storm:
            self._reply(asked, reply)
            return
        self._tally.count(metrics.REJECTS_DELAYED)
        if self._delayed.put((asked, reply), now):
            self._unanswered.add(asked.key)
        else:
            self._drop("too_many_rejects")

    def _is_doubtful(self, asked: Asked, accept: Accept, limit: int) -> bool:
        """Whether the login may have all its sessions already; then it is answered later."""
        station = asked.request.attributes.get(CALLING_STATION_ID)
        if not self._watch.may_exceed(accept.username, limit, station):
            return False
        doubt = self._watch.ask(accept.username, limit, _dial(asked), asked.received)
        if doubt is None:
            self._tally.count(metrics.LIMITS_UNDECIDED)
            return False
        self._unanswered.add(asked.key)
        self._doubtful.append((doubt, asked, accept))
        return True

    def _settle_doubts(self, now: float) -> None:
        while self._doubtful and self._doubtful[0][0].is_over(now):
            doubt, asked, accept = self._doubtful.popleft()
            self._unanswered.discard(asked.key)
            if doubt.exceeded:
                self._reject(asked, Reject(RejectReason.TOO_MANY_SESSIONS, refusal(asked.request)))
                continue
            if doubt.exceeded is None:
                self._tally.count(metrics.LIMITS_UNDECIDED)
            self._accept(asked, accept)


def _dial(asked: Asked) -> Dial:
    request = asked.request
    return Dial(
        calling_station_id=request.text(CALLING_STATION_ID),
        acct_session_id=request.text(ACCT_SESSION_ID),
        router_id=asked.nas.router_id,
    )
