"""Rounds of changes: which changes are due, which sessions they concern, and what came of asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from contracts.radius import RequestKind
from servicekit.clock import machine_now
from servicekit.ids import new_id
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from radius_svc.domain import change_rules
from radius_svc.models import (
    ChangeKind,
    ChangeStatus,
    RadAcct,
    RadiusAccount,
    Reconnect,
    RequestAttempt,
    SessionChange,
)
from radius_svc.protocol.coa import CoaResult
from radius_svc.usecases.following.sessions import (
    LiveSession,
    close_as_gone,
    sessions_to_ask,
    sessions_to_probe,
)

# By kind of change: the kinds of newer change that make it unnecessary.
COVERED_BY = {
    ChangeKind.RATE: (ChangeKind.RATE, ChangeKind.AUTHORIZATION, ChangeKind.KICK),
    ChangeKind.AUTHORIZATION: (ChangeKind.AUTHORIZATION, ChangeKind.KICK),
    ChangeKind.KICK: (ChangeKind.KICK,),
    ChangeKind.PROBE: tuple(ChangeKind),
}


@dataclass(frozen=True)
class Work:
    """A change that is due, with the sessions it still concerns.

    `unreachable` is how many more sessions there are whose router is not known. `outdone`: an earlier round
    failed, and a newer change makes this one unnecessary.
    """

    change_id: int
    service_id: str
    kind: ChangeKind
    authorized_seq: int
    correlation_id: str
    suspended: bool
    sessions: list[LiveSession]
    unreachable: int
    outdone: bool


def had_a_round(session: Session, change_id: int) -> bool:
    """Whether requests of this change were sent at least once, or it is finished."""
    change = session.get_one(SessionChange, change_id)
    return change.status is not ChangeStatus.PENDING or change.rounds > 0


def due_changes(session: Session, *, per_router: int) -> list[int]:
    """Ids of the oldest pending change of each service if it is due, at most `per_router` for each router.

    Changes in progress are included in that number, since they have waited longest.
    """
    first = select(func.min(SessionChange.id)).where(SessionChange.status == ChangeStatus.PENDING)
    router_id = (
        select(func.min(RadAcct.router_id))
        .where(RadAcct.service_id == SessionChange.service_id, RadAcct.acctstoptime.is_(None))
        .correlate(SessionChange)
        .scalar_subquery()
    )
    due = (
        select(SessionChange.id, SessionChange.next_round_at, router_id.label("router_id"))
        .where(
            SessionChange.id.in_(first.group_by(SessionChange.service_id)),
            SessionChange.next_round_at <= machine_now(),
        )
        .subquery()
    )
    waited_longest = [due.c.next_round_at, due.c.id]
    place = func.row_number().over(partition_by=due.c.router_id, order_by=waited_longest).label("place")
    placed = select(due.c.id, place).subquery()
    return list(
        session.scalars(select(placed.c.id).where(placed.c.place <= per_router).order_by(placed.c.id))
    )


def load_work(session: Session, change_id: int) -> Work | None:
    """The change and the sessions it concerns; None if it is no longer pending."""
    change = session.get(SessionChange, change_id)
    if change is None or change.status is not ChangeStatus.PENDING:
        return None
    account = session.get(RadiusAccount, change.service_id)
    suspended = account is not None and account.suspended
    outdone = change.rounds > 0 and _newer_change(session, change) is not None
    sessions: list[LiveSession] = []
    unreachable = 0
    if change.kind is ChangeKind.PROBE:
        sessions = sessions_to_probe(session, account)
    elif not outdone:
        sessions, unreachable = sessions_to_ask(session, change, account)
    return Work(
        change_id=change.id,
        service_id=change.service_id,
        kind=change.kind,
        authorized_seq=change.authorized_seq,
        correlation_id=change.correlation_id,
        suspended=suspended,
        sessions=sessions,
        unreachable=unreachable,
        outdone=outdone,
    )


def record_attempt(
    session: Session, work: Work, asked: LiveSession, kind: RequestKind, answer: CoaResult
) -> None:
    """Store a request and its answer. Closes the session if the NAS does not know it."""
    session.add(
        RequestAttempt(
            id=new_id(),
            change_id=work.change_id,
            service_id=work.service_id,
            acctuniqueid=asked.acctuniqueid,
            kind=kind,
            outcome=answer.outcome,
            error_cause=answer.error_cause,
            detail=answer.detail,
            suspended=work.suspended,
            sent_at=answer.sent_at,
            answered_at=answer.answered_at,
        )
    )
    if answer.error_cause == change_rules.SESSION_CONTEXT_NOT_FOUND:
        close_as_gone(session, asked, answer.answered_at)


class RoundOutcome(Enum):
    """SETTLED: every session follows, or is gone. UNSETTLED: at least one may not. PROBED: none had to."""

    PROBED = "probed"
    SETTLED = "settled"
    UNSETTLED = "unsettled"


def finish_round(
    session: Session, work: Work, answers: Sequence[tuple[RequestKind, CoaResult]], *, now: datetime
) -> None:
    """Write down what came of a round. `answers` are the last request and its answer for each session."""
    change = session.scalars(
        select(SessionChange).where(SessionChange.id == work.change_id).with_for_update()
    ).one()
    if change.status is not ChangeStatus.PENDING:
        return  # our lease expired, and another process was faster
    match _outcome(work, answers):
        case RoundOutcome.PROBED:
            _finish(change, ChangeStatus.DONE, now)
        case RoundOutcome.SETTLED:
            _finish(change, ChangeStatus.DONE, now)
            _stamp_reconnect(session, work, answers)
        case RoundOutcome.UNSETTLED:
            _retry_or_give_up(session, change, work, now)


def _outcome(work: Work, answers: Sequence[tuple[RequestKind, CoaResult]]) -> RoundOutcome:
    if work.kind is ChangeKind.PROBE:  # one try: if the login is refused again, so is the probe repeated
        return RoundOutcome.PROBED
    settled = all(change_rules.is_settled(answer.outcome, answer.error_cause) for _, answer in answers)
    if settled and not work.unreachable and not work.outdone:
        return RoundOutcome.SETTLED
    return RoundOutcome.UNSETTLED


def _retry_or_give_up(session: Session, change: SessionChange, work: Work, now: datetime) -> None:
    """Schedule another round. If a newer change does as much, give up at once, so that it does not have to
    wait for a router that is not answering."""
    change.rounds += 1
    pause = change_rules.pause_before_round(change.rounds)
    newer = _newer_change(session, change)
    if newer is not None and not work.suspended:
        _hand_over_reconnect(session, change.id, newer)
    if pause is None or newer is not None:
        _finish(change, ChangeStatus.GIVEN_UP, now)
    else:
        change.next_round_at = machine_now() + pause


def _finish(change: SessionChange, status: ChangeStatus, now: datetime) -> None:
    change.status, change.finished_at = status, now


def _newer_change(session: Session, change: SessionChange) -> int | None:
    """The first newer pending change of the service that makes this one unnecessary."""
    query = select(SessionChange.id).where(
        SessionChange.service_id == change.service_id,
        SessionChange.id > change.id,
        SessionChange.status == ChangeStatus.PENDING,
        SessionChange.kind.in_(COVERED_BY[change.kind]),
    )
    return session.scalar(query.order_by(SessionChange.id).limit(1))


def _hand_over_reconnect(session: Session, change_id: int, newer_id: int) -> None:
    session.execute(update(Reconnect).where(Reconnect.change_id == change_id).values(change_id=newer_id))


def _stamp_reconnect(session: Session, work: Work, answers: Sequence[tuple[RequestKind, CoaResult]]) -> None:
    acked = [(kind, answer.answered_at) for kind, answer in answers if answer.answered_at is not None]
    if not acked or work.suspended:  # suspended again in the meantime: the router acknowledged that
        return
    by_coa = [at for kind, at in acked if kind is RequestKind.COA]
    values: dict[str, Any] = {"router_acked_at": max(at for _, at in acked)}
    if len(by_coa) == len(acked):
        # A session that started in the meantime may have been recorded: let the job find out which came
        # first.
        values |= {"changed_by_coa_at": max(by_coa), "online_at": None, "milliseconds": None}
    session.execute(update(Reconnect).where(Reconnect.change_id == work.change_id).values(values))
