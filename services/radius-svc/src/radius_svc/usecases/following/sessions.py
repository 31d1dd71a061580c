"""The open sessions a change concerns, and the requests for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.radius import RequestKind
from contracts.router import SessionControl
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from radius_svc.domain import change_rules
from radius_svc.domain.evidence import Evidence
from radius_svc.models import ChangeKind, Nas, RadAcct, RadiusAccount, SessionChange
from radius_svc.protocol.attribute_names import MIKROTIK_ADDRESS_LIST, MIKROTIK_RATE_LIMIT
from radius_svc.protocol.coa import Target
from radius_svc.usecases import authorization
from radius_svc.usecases.authorization import group_replies, suspended_are_refused
from radius_svc.usecases.following import evidence

# A CoA cannot remove an address from a list, so a restore puts it on another list (docs/adr/0008).
ACTIVE_ADDRESS_LIST = "isp-active"


@dataclass(frozen=True)
class LiveSession:
    """What identifies a session to its NAS, exactly as the NAS reported it, and what to ask of it.

    `requests` are tried in order. `changes` are the attributes a CoA carries, by name.
    """

    acctuniqueid: str
    acct_session_id: str
    username: str
    nas_ip_address: str
    framed_ip_address: str | None
    target: Target
    requests: list[RequestKind]
    changes: Mapping[str, str]


@dataclass(frozen=True)
class _Candidate:
    """An open session that a change may concern, with its router if that is known now.

    `fence_lifted_by_coa`: a CoA took it out of the walled garden. `is_free`: it was let in unfenced, and no
    CoA has fenced it since.
    """

    row: RadAcct
    nas: Nas | None
    fence_lifted_by_coa: bool
    is_free: bool

    @property
    def is_out_of_the_fence(self) -> bool:
        return self.is_free or self.fence_lifted_by_coa


def count_live_sessions(session: Session, service_id: str) -> int:
    """How many open sessions the service has."""
    query = select(func.count()).select_from(RadAcct)
    return session.scalar(query.where(RadAcct.service_id == service_id, RadAcct.acctstoptime.is_(None))) or 0


def sessions_to_ask(
    session: Session, change: SessionChange, account: RadiusAccount | None
) -> tuple[list[LiveSession], int]:
    """The sessions that must follow, and how many more there are whose router is not known."""
    suspended = account is not None and account.suspended
    if change.kind is ChangeKind.RATE and suspended:
        return [], 0  # the walled garden has its own speed
    candidates = _candidates(session, RadAcct.service_id == change.service_id)
    concerned = [each for each in candidates if _must_follow(each, change, suspended=suspended)]
    refused = _is_refused(session, account)
    changes = {MIKROTIK_ADDRESS_LIST: ACTIVE_ADDRESS_LIST, **_replies(session, account)}
    live = [
        _live_session(
            each.row,
            each.nas,
            change_rules.requests_for(
                # A session that is still fenced needs more than another speed.
                rate_only=change.kind is ChangeKind.RATE and each.is_out_of_the_fence,
                kick=change.kind is ChangeKind.KICK,
                must_redial=refused or _has_another_identity(each.row, account),
                control=SessionControl(each.nas.session_control or SessionControl.DISCONNECT),
            ),
            changes,
        )
        for each in concerned
        if each.nas is not None
    ]
    return live, len(concerned) - len(live)


def sessions_to_probe(session: Session, account: RadiusAccount | None) -> list[LiveSession]:
    """All open sessions of the login. A probe sets each to the speed it already has."""
    if account is None:
        return []
    its_own = or_(
        RadAcct.service_id == account.service_id,
        # FreeRADIUS stores the username only.
        and_(RadAcct.service_id.is_(None), RadAcct.username == account.username),
    )
    plan = group_replies(session, authorization.plan_group(account.plan_id))
    fence = {**plan, **group_replies(session, authorization.SUSPENDED_GROUP)}
    return [
        _live_session(
            each.row,
            each.nas,
            [RequestKind.PROBE],
            _only_rate(plan if each.is_out_of_the_fence else fence),
        )
        for each in _candidates(session, its_own)
        if each.nas is not None
    ]


def close_as_gone(session: Session, asked: LiveSession, at: datetime | None) -> None:
    """Close a session that does not exist according to its NAS: its Stop was lost."""
    session.execute(
        update(RadAcct)
        .where(RadAcct.acctuniqueid == asked.acctuniqueid, RadAcct.acctstoptime.is_(None))
        .values(
            acctstoptime=at, acctterminatecause="Lost-Service", closed_on_evidence=Evidence.UNKNOWN_TO_NAS
        )
    )


def _candidates(session: Session, which: ColumnElement[bool]) -> list[_Candidate]:
    """The newest first."""
    query = (
        select(RadAcct, Nas, evidence.fence_lifted_by_coa(), evidence.is_free())
        .outerjoin(Nas, Nas.router_id == RadAcct.router_id)
        .where(which, RadAcct.acctstoptime.is_(None))
        .order_by(RadAcct.radacctid.desc())
    )
    return [_Candidate(*row) for row in session.execute(query)]


def _must_follow(candidate: _Candidate, change: SessionChange, *, suspended: bool) -> bool:
    row = candidate.row
    if suspended and candidate.is_free and evidence.may_be_let_in_before(row, change.authorized_at):
        return True
    return change_rules.must_follow(
        started_at=row.received_at or row.acctstarttime,
        authorized_at=change.authorized_at,
        session_class=row.class_,
        suspended=suspended,
        fence_lifted_by_coa=candidate.fence_lifted_by_coa,
    )


def _is_refused(session: Session, account: RadiusAccount | None) -> bool:
    """Whether the login would not be let in now."""
    if account is None or account.terminated:
        return True
    return account.suspended and suspended_are_refused(session)


def _has_another_identity(row: RadAcct, account: RadiusAccount | None) -> bool:
    """Whether the login now has another username or static address than this session."""
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
    """The attributes in force for the service, by name; empty if it has no login."""
    if account is None or account.terminated:
        return {}
    replies = group_replies(session, authorization.plan_group(account.plan_id))
    if account.suspended:
        replies = {**replies, **group_replies(session, authorization.SUSPENDED_GROUP)}
    return replies


def _only_rate(replies: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in replies.items() if name == MIKROTIK_RATE_LIMIT}
