"""Making live sessions follow their service: which sessions, what to ask, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.radius import RequestKind, RequestOutcome
from contracts.router import SessionControl
from servicekit.ids import new_id
from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from radius_svc import authorization
from radius_svc.adapters.coa import Answer, Target
from radius_svc.control_models import (
    ChangeKind,
    ChangeStatus,
    ListenerState,
    Reconnect,
    RequestAttempt,
    SessionChange,
)
from radius_svc.domain import change_rules
from radius_svc.models import Nas, RadAcct, RadiusAccount
from radius_svc.usecases.groups import group_replies, suspended_are_refused
from radius_svc.usecases.provisioning import MARK

# A listener that has not given a sign for this long is not waited for.
LISTENER_SILENT_AFTER = timedelta(seconds=10)
# An interim this much later than an acknowledged disconnect shows that the session is still there.
STILL_ALIVE_AFTER = timedelta(seconds=5)
# A Start is written down after the Accept it belongs to: so much later than a suspension, it may still be of
# a session that was let in before.
LET_IN_BEFORE = timedelta(seconds=30)


# What a newer change must be to ask the sessions of an older one for at least as much.
COVERED_BY = {
    ChangeKind.RATE: (ChangeKind.RATE, ChangeKind.AUTHORIZATION, ChangeKind.KICK),
    ChangeKind.AUTHORIZATION: (ChangeKind.AUTHORIZATION, ChangeKind.KICK),
    ChangeKind.KICK: (ChangeKind.KICK,),
}


@dataclass(frozen=True)
class LiveSession:
    """What identifies a session to its NAS, exactly as the NAS reported it."""

    acctuniqueid: str
    acct_session_id: str
    username: str
    nas_ip_address: str
    framed_ip_address: str | None
    target: Target
    requests: list[RequestKind]


@dataclass(frozen=True)
class Work:
    """A change that is due, with the sessions it still concerns.

    `unreachable` is how many more there are whose router is not known now. `outdone` means that it was tried
    in vain and a newer change asks the same sessions for as much.
    """

    change_id: int
    service_id: str
    kind: ChangeKind
    authorized_seq: int
    correlation_id: str
    suspended: bool
    replies: dict[str, str]
    sessions: list[LiveSession]
    unreachable: int
    outdone: bool


def count_live_sessions(session: Session, service_id: str) -> int:
    """How many sessions of the service are open."""
    query = select(func.count()).select_from(RadAcct)
    return session.scalar(query.where(RadAcct.service_id == service_id, RadAcct.acctstoptime.is_(None))) or 0


def had_a_round(session: Session, change_id: int) -> bool:
    """Whether the NASes were asked at least once for this change."""
    change = session.get_one(SessionChange, change_id)
    return change.status is not ChangeStatus.PENDING or change.rounds > 0


def due_changes(session: Session, *, per_router: int) -> list[int]:
    """The oldest pending change of each service, where its time has come: so many of each router.

    What is being worked on counts, since it has waited longest.
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
            SessionChange.next_round_at <= datetime.now(UTC),
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
    """None if the change is no longer pending."""
    change = session.get(SessionChange, change_id)
    if change is None or change.status is not ChangeStatus.PENDING:
        return None
    account = session.get(RadiusAccount, change.service_id)
    suspended = account is not None and account.suspended
    outdone = change.rounds > 0 and _newer_change(session, change) is not None
    sessions, unreachable = ([], 0) if outdone else _sessions_to_ask(session, change, account)
    return Work(
        change_id=change.id,
        service_id=change.service_id,
        kind=change.kind,
        authorized_seq=change.authorized_seq,
        correlation_id=change.correlation_id,
        suspended=suspended,
        replies=_replies(session, account),
        sessions=sessions,
        unreachable=unreachable,
        outdone=outdone,
    )


def all_listeners_applied(session: Session, seq: int) -> bool:
    """Whether every listener that is alive answers by the RADIUS tables as of `seq`."""
    behind = exists().where(
        ListenerState.applied_seq < seq,
        ListenerState.heartbeat_at > datetime.now(UTC) - LISTENER_SILENT_AFTER,
    )
    return not session.scalar(select(behind))


def record_attempt(
    session: Session, work: Work, asked: LiveSession, kind: RequestKind, answer: Answer
) -> None:
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
    if kind is RequestKind.DISCONNECT and answer.error_cause == change_rules.SESSION_CONTEXT_NOT_FOUND:
        _close_as_gone(session, asked, answer)


def finish_round(
    session: Session, work: Work, answers: Sequence[tuple[RequestKind, Answer]], *, now: datetime
) -> None:
    """`answers` are the last ones per session. Settled: the change is done. Else another round, or never.

    What is not settled gives way to a newer change, which must not wait for a router that does not answer.
    """
    change = session.scalars(
        select(SessionChange).where(SessionChange.id == work.change_id).with_for_update()
    ).one()
    if change.status is not ChangeStatus.PENDING:
        return  # our lease ran out meanwhile, and another process was quicker
    settled = all(change_rules.is_settled(answer.outcome, answer.error_cause) for _, answer in answers)
    if settled and not work.unreachable and not work.outdone:
        change.status, change.finished_at = ChangeStatus.DONE, now
        _stamp_reconnect(session, work, answers)
        return
    change.rounds += 1
    pause = change_rules.pause_before_round(change.rounds)
    newer = _newer_change(session, change)
    if newer is not None and not work.suspended:
        _hand_over_reconnect(session, change.id, newer)
    if pause is None or newer is not None:
        change.status, change.finished_at = ChangeStatus.GIVEN_UP, now
    else:
        change.next_round_at = datetime.now(UTC) + pause


def strays(session: Session) -> dict[str, int]:
    """The services with a session of which the evidence says that it did not follow, and their last changes.

    A session that carries the suspended Class although its service is up; one that does not although its
    service was suspended just before its Start; or one that sent an interim after its NAS had said that it is
    gone. Once a NAS has said so, only an interim is evidence: nobody is asked again and again.
    """
    pending = exists().where(
        SessionChange.service_id == RadiusAccount.service_id, SessionChange.status == ChangeStatus.PENDING
    )
    told_gone = (
        select(func.max(RequestAttempt.answered_at))
        .where(
            RequestAttempt.acctuniqueid == RadAcct.acctuniqueid,
            RequestAttempt.kind == RequestKind.DISCONNECT,
            or_(
                RequestAttempt.outcome == RequestOutcome.ACKED,
                RequestAttempt.error_cause == change_rules.SESSION_CONTEXT_NOT_FOUND,
            ),
        )
        .correlate(RadAcct)
        .scalar_subquery()
    )
    fenced = and_(
        RadAcct.class_ == change_rules.SUSPENDED_CLASS_IN_RADACCT,
        RadiusAccount.suspended.is_(False),
        ~_fence_lifted_by_coa(),
    )
    changed_at = (
        select(func.min(SessionChange.authorized_at))
        .where(
            SessionChange.service_id == RadiusAccount.service_id,
            SessionChange.authorized_seq >= RadiusAccount.changed_seq,
        )
        .correlate(RadiusAccount)
        .scalar_subquery()
    )
    free = and_(RadiusAccount.suspended, _is_free())
    rows = session.execute(
        select(RadiusAccount, RadAcct, told_gone, fenced, changed_at)
        .join(RadAcct, RadAcct.service_id == RadiusAccount.service_id)
        .where(
            RadAcct.acctstoptime.is_(None),
            ~pending,
            or_(and_(or_(fenced, free), told_gone.is_(None)), RadAcct.acctupdatetime > told_gone),
        )
        .order_by(RadAcct.radacctid.desc())
        .limit(500)
    ).all()
    return {
        account.service_id: account.changed_seq
        for account, live, gone_at, is_fenced, suspended_at in rows
        if (
            live.acctupdatetime is not None and live.acctupdatetime > gone_at + STILL_ALIVE_AFTER
            if gone_at
            else is_fenced or _may_be_let_in_before(live, suspended_at)
        )
    }


def ask_strays(session: Session, *, now: datetime) -> int:
    """Ask again where a session did not follow. Returns how many services that are."""
    found = strays(session)
    for service_id, seq in found.items():
        session.add(
            SessionChange(
                service_id=service_id,
                kind=ChangeKind.AUTHORIZATION,
                status=ChangeStatus.PENDING,
                authorized_seq=seq,
                authorized_at=now,
                rounds=0,
                next_round_at=datetime.now(UTC),
                correlation_id=new_id(),
            )
        )
        session.info[MARK] = True
    return len(found)


def _sessions_to_ask(
    session: Session, change: SessionChange, account: RadiusAccount | None
) -> tuple[list[LiveSession], int]:
    """The sessions that must follow, and how many more there are whose router is not known now."""
    suspended = account is not None and account.suspended
    if change.kind is ChangeKind.RATE and suspended:
        return [], 0  # the walled garden has its own speed
    refused = account is None or account.terminated or (suspended and suspended_are_refused(session))
    rows = session.execute(
        select(RadAcct, Nas, _fence_lifted_by_coa(), _is_free())
        .outerjoin(Nas, Nas.router_id == RadAcct.router_id)
        .where(RadAcct.service_id == change.service_id, RadAcct.acctstoptime.is_(None))
        .order_by(RadAcct.radacctid.desc())
    )
    concerned = [
        (row, nas, lifted, free)
        for row, nas, lifted, free in rows
        if change_rules.must_follow(
            started_at=row.received_at or row.acctstarttime,
            authorized_at=change.authorized_at,
            session_class=row.class_,
            suspended=suspended,
            fence_lifted_by_coa=lifted,
        )
        or (suspended and free and _may_be_let_in_before(row, change.authorized_at))
    ]
    live = [
        _live_session(
            row,
            nas,
            change_rules.requests_for(
                # A session that is still fenced needs more than another speed.
                rate_only=change.kind is ChangeKind.RATE and (free or lifted),
                kick=change.kind is ChangeKind.KICK,
                must_redial=refused or _has_another_identity(row, account),
                control=SessionControl(nas.session_control or SessionControl.DISCONNECT),
            ),
        )
        for row, nas, lifted, free in concerned
        if nas is not None
    ]
    return live, len(concerned) - len(live)


def _newer_change(session: Session, change: SessionChange) -> int | None:
    """The first newer pending change of the service that asks its sessions for at least as much."""
    query = select(SessionChange.id).where(
        SessionChange.service_id == change.service_id,
        SessionChange.id > change.id,
        SessionChange.status == ChangeStatus.PENDING,
        SessionChange.kind.in_(COVERED_BY[change.kind]),
    )
    return session.scalar(query.order_by(SessionChange.id).limit(1))


def _hand_over_reconnect(session: Session, change_id: int, newer_id: int) -> None:
    session.execute(update(Reconnect).where(Reconnect.change_id == change_id).values(change_id=newer_id))


def _has_another_identity(row: RadAcct, account: RadiusAccount | None) -> bool:
    """Whether the login goes by another name or gets another fixed address than this session has."""
    if account is None:
        return True
    address = str(row.framedipaddress) if row.framedipaddress else None
    return row.username != account.username or account.static_ip not in (None, address)


def _live_session(row: RadAcct, nas: Nas, requests: list[RequestKind]) -> LiveSession:
    return LiveSession(
        acctuniqueid=row.acctuniqueid,
        acct_session_id=row.acctsessionid,
        username=row.username or "",
        nas_ip_address=str(row.nasipaddress),
        framed_ip_address=str(row.framedipaddress) if row.framedipaddress else None,
        target=Target(nas.nasname, nas.coa_port or 3799, nas.secret.encode()),
        requests=requests,
    )


def _replies(session: Session, account: RadiusAccount | None) -> dict[str, str]:
    """The Mikrotik attributes in force for the service, as a CoA can carry them."""
    if account is None or account.terminated:
        return {}
    replies = group_replies(session, authorization.plan_group(account.plan_id))
    if account.suspended:
        replies = {**replies, **group_replies(session, authorization.SUSPENDED_GROUP)}
    return replies


def _fence_lifted_by_coa():
    """Whether a CoA of ours was acknowledged that took this session out of the walled garden."""
    return exists().where(
        RequestAttempt.acctuniqueid == RadAcct.acctuniqueid,
        RequestAttempt.kind == RequestKind.COA,
        RequestAttempt.outcome == RequestOutcome.ACKED,
        RequestAttempt.suspended.is_(False),
    )


def _is_free():
    """Whether the session was let in unfenced, and no CoA of ours has fenced it since."""
    fenced_by_coa = exists().where(
        RequestAttempt.acctuniqueid == RadAcct.acctuniqueid,
        RequestAttempt.kind == RequestKind.COA,
        RequestAttempt.outcome == RequestOutcome.ACKED,
        RequestAttempt.suspended,
    )
    let_in_free = or_(RadAcct.class_.is_(None), RadAcct.class_ != change_rules.SUSPENDED_CLASS_IN_RADACCT)
    return and_(let_in_free, ~fenced_by_coa)


def _may_be_let_in_before(live: RadAcct, changed_at: datetime | None) -> bool:
    """Whether the session, by its Start, may have been let in before the change."""
    started_at = live.received_at or live.acctstarttime
    return changed_at is not None and started_at is not None and started_at < changed_at + LET_IN_BEFORE


def _close_as_gone(session: Session, asked: LiveSession, answer: Answer) -> None:
    """The NAS itself says that the session does not exist: its Stop was lost."""
    session.execute(
        update(RadAcct)
        .where(RadAcct.acctuniqueid == asked.acctuniqueid, RadAcct.acctstoptime.is_(None))
        .values(
            acctstoptime=answer.answered_at,
            acctterminatecause="Lost-Service",
            closed_on_evidence="unknown-to-nas",
        )
    )


def _stamp_reconnect(session: Session, work: Work, answers: Sequence[tuple[RequestKind, Answer]]) -> None:
    acked = [(kind, answer.answered_at) for kind, answer in answers if answer.answered_at is not None]
    if not acked or work.suspended:  # suspended again since: that is what was acknowledged
        return
    by_coa = [at for kind, at in acked if kind is RequestKind.COA]
    values: dict[str, Any] = {"router_acked_at": max(at for _, at in acked)}
    if len(by_coa) == len(acked):
        # A session that began meanwhile may have been noted: what came first is found out anew.
        values |= {"changed_by_coa_at": max(by_coa), "online_at": None, "milliseconds": None}
    session.execute(update(Reconnect).where(Reconnect.change_id == work.change_id).values(values))
