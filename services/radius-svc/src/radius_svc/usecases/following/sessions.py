"""The open sessions that a change concerns, what each is asked, and the end of one its NAS does not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.radius import RequestKind
from contracts.router import SessionControl
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from radius_svc.domain import change_rules
from radius_svc.models import ChangeKind, Nas, RadAcct, RadiusAccount, SessionChange
from radius_svc.protocol.coa import Target
from radius_svc.usecases import authorization
from radius_svc.usecases.following import evidence
from radius_svc.usecases.groups import group_replies, suspended_are_refused

# A CoA cannot take an address off a list, so a restore names another list (docs/adr/0008).
ACTIVE_ADDRESS_LIST = "isp-active"
ADDRESS_LIST, RATE_LIMIT = "Mikrotik-Address-List", "Mikrotik-Rate-Limit"


@dataclass(frozen=True)
class LiveSession:
    """What identifies a session to its NAS, exactly as the NAS reported it; what it is asked, and in which
    order; `changes` is what a CoA carries."""

    acctuniqueid: str
    acct_session_id: str
    username: str
    nas_ip_address: str
    framed_ip_address: str | None
    target: Target
    requests: list[RequestKind]
    changes: Mapping[str, str]


def count_live_sessions(session: Session, service_id: str) -> int:
    """How many sessions of the service are open."""
    query = select(func.count()).select_from(RadAcct)
    return session.scalar(query.where(RadAcct.service_id == service_id, RadAcct.acctstoptime.is_(None))) or 0


def sessions_to_ask(
    session: Session, change: SessionChange, account: RadiusAccount | None
) -> tuple[list[LiveSession], int]:
    """The sessions that must follow, and how many more there are whose router is not known now."""
    suspended = account is not None and account.suspended
    if change.kind is ChangeKind.RATE and suspended:
        return [], 0  # the walled garden has its own speed
    refused = account is None or account.terminated or (suspended and suspended_are_refused(session))
    concerned = [
        (row, nas, lifted, free)
        for row, nas, lifted, free in _open_sessions(session, RadAcct.service_id == change.service_id)
        if change_rules.must_follow(
            started_at=row.received_at or row.acctstarttime,
            authorized_at=change.authorized_at,
            session_class=row.class_,
            suspended=suspended,
            fence_lifted_by_coa=lifted,
        )
        or (suspended and free and evidence.may_be_let_in_before(row, change.authorized_at))
    ]
    replies = _replies(session, account)
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
            {ADDRESS_LIST: ACTIVE_ADDRESS_LIST, **replies},
        )
        for row, nas, lifted, free in concerned
        if nas is not None
    ]
    return live, len(concerned) - len(live)


def sessions_to_probe(session: Session, account: RadiusAccount | None) -> list[LiveSession]:
    """All open ones of the login, each to be told the speed that it has."""
    if account is None:
        return []
    its_own = or_(
        RadAcct.service_id == account.service_id,
        # FreeRADIUS writes down the login only.
        and_(RadAcct.service_id.is_(None), RadAcct.username == account.username),
    )
    plan = group_replies(session, authorization.plan_group(account.plan_id))
    fence = {**plan, **group_replies(session, authorization.SUSPENDED_GROUP)}
    return [
        _live_session(
            row,
            nas,
            [RequestKind.PROBE],
            _only_rate(plan if free or lifted else fence),
        )
        for row, nas, lifted, free in _open_sessions(session, its_own)
        if nas is not None
    ]


def close_as_gone(session: Session, asked: LiveSession, at: datetime | None) -> None:
    """The NAS itself says that the session does not exist: its Stop was lost."""
    session.execute(
        update(RadAcct)
        .where(RadAcct.acctuniqueid == asked.acctuniqueid, RadAcct.acctstoptime.is_(None))
        .values(acctstoptime=at, acctterminatecause="Lost-Service", closed_on_evidence="unknown-to-nas")
    )


def _open_sessions(
    session: Session, which: ColumnElement[bool]
) -> list[tuple[RadAcct, Nas | None, bool, bool]]:
    """With their routers, whether a CoA has lifted their fence, whether they have none; the newest first."""
    query = (
        select(RadAcct, Nas, evidence.fence_lifted_by_coa(), evidence.is_free())
        .outerjoin(Nas, Nas.router_id == RadAcct.router_id)
        .where(which, RadAcct.acctstoptime.is_(None))
        .order_by(RadAcct.radacctid.desc())
    )
    return [(row, nas, lifted, free) for row, nas, lifted, free in session.execute(query)]


def _has_another_identity(row: RadAcct, account: RadiusAccount | None) -> bool:
    """Whether the login goes by another name or gets another fixed address than this session has."""
    if account is None:
        return True
    address = str(row.framedipaddress) if row.framedipaddress else None
    return row.username != account.username or account.static_ip not in (None, address)


def _live_session(
    row: RadAcct, nas: Nas, requests: list[RequestKind], changes: Mapping[str, str]
) -> LiveSession:
    return LiveSession(
        acctuniqueid=row.acctuniqueid,
        acct_session_id=row.acctsessionid,
        username=row.username or "",
        nas_ip_address=str(row.nasipaddress),
        framed_ip_address=str(row.framedipaddress) if row.framedipaddress else None,
        target=Target(
            nas.nasname, nas.coa_port or 3799, nas.secret.encode(), label=nas.shortname or nas.nasname
        ),
        requests=requests,
        changes=changes,
    )


def _replies(session: Session, account: RadiusAccount | None) -> dict[str, str]:
    """The Mikrotik attributes in force for the service, as a CoA can carry them."""
    if account is None or account.terminated:
        return {}
    replies = group_replies(session, authorization.plan_group(account.plan_id))
    if account.suspended:
        replies = {**replies, **group_replies(session, authorization.SUSPENDED_GROUP)}
    return replies


def _only_rate(replies: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in replies.items() if name == RATE_LIMIT}
