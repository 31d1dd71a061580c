"""Writes what RADIUS answers: our own rows and, in the same transaction, the standard tables.

Every function works in the caller's transaction and returns whether it changed anything: what carries a
version that is not newer than the one stored is an event that came late or twice, and is ignored. Whoever
reads incrementally sees the change by `changed_seq` (see `models.IndexVersion`).

Each function begins with `next_seq`. The row lock it takes lets one writer in at a time, so versions are
compared without further locks and no two writers can wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.billing import SuspensionMode
from contracts.router import SessionControl
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from radius_svc.domain.change_rules import SUSPENDED_CLASS
from radius_svc.domain.mschap import nt_password_hash
from radius_svc.models import (
    LIVE_ACCOUNT,
    IndexVersion,
    Nas,
    RadCheck,
    RadGroupCheck,
    RadGroupReply,
    RadiusAccount,
    RadiusGroup,
    RadReply,
    RadUserGroup,
    RemovedNas,
)

SUSPENDED_GROUP = "suspended"
SUSPENDED_PRIORITY = 1
PLAN_PRIORITY = 2


@dataclass(frozen=True, kw_only=True)
class Account:
    """The login of one service. `password` is clear; `password_encrypted` is the same under the field
    cipher with the service id as associated data, for CHAP. `session_limit` is how many sessions it may have
    at a time; None is no limit."""

    service_id: str
    version: int
    subscriber_id: str
    username: str
    password: str = field(repr=False)
    password_encrypted: str = field(repr=False)
    plan_id: str
    router_id: str | None = None
    static_ip: str | None = None
    suspended: bool = False
    terminated: bool = False
    session_limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class NasClient:
    """A router as a RADIUS client. `address` is the source of its packets."""

    router_id: str
    version: int
    address: str
    name: str
    secret: str = field(repr=False)
    coa_port: int = 3799
    session_control: SessionControl = SessionControl.DISCONNECT
    require_message_authenticator: bool = True
    disabled: bool = False


def plan_group(plan_id: str) -> str:
    return f"plan:{plan_id}"


def write_account(session: Session, account: Account) -> bool:
    """Store the login and what it is answered.

    Raises IntegrityError if another live service has this username: the caller's transaction is lost, and
    the event is to be tried again once the other service has given the name up.
    """
    seq = next_seq(session)
    known = session.get(RadiusAccount, account.service_id, populate_existing=True)
    if known is not None and known.version >= account.version:
        return False
    names = {account.username} if known is None else {account.username, known.username}
    row = {
        "version": account.version,
        "subscriber_id": account.subscriber_id,
        "username": account.username,
        "password_encrypted": account.password_encrypted,
        "plan_id": account.plan_id,
        "router_id": account.router_id,
        "static_ip": account.static_ip,
        "suspended": account.suspended,
        "terminated": account.terminated,
        "session_limit": account.session_limit,
        "changed_seq": seq,
    }
    _store(session, RadiusAccount, known, {"service_id": account.service_id}, row)
    for name in names:
        if not _held_by_another_service(session, name, account.service_id):
            _delete_login(session, name)
    if not account.terminated:
        _insert_login(session, account)
    return True


def write_plan_group(session: Session, plan_id: str, version: int, replies: Mapping[str, str]) -> bool:
    """Store what every login of the plan is given: attribute name to value, in the standard names."""
    return _write_group(
        session, plan_group(plan_id), version, [(name, "=", v) for name, v in replies.items()]
    )


def write_suspended_group(
    session: Session,
    version: int,
    *,
    mode: SuspensionMode,
    address_list: str,
    rate_limit: str,
    session_timeout_seconds: int,
) -> bool:
    """Store what suspended logins get. In block mode the group refuses them, whatever else it says.

    `:=` puts the group's values before the plan's; Fall-Through lets the plan give the rest (its pool).
    """
    replies = [
        ("Mikrotik-Address-List", ":=", address_list),
        ("Mikrotik-Rate-Limit", ":=", rate_limit),
        ("Session-Timeout", ":=", str(session_timeout_seconds)),
        ("Class", ":=", SUSPENDED_CLASS),
        ("Fall-Through", "=", "Yes"),
    ]
    checks = [("Auth-Type", ":=", "Reject")] if mode is SuspensionMode.BLOCK else []
    return _write_group(session, SUSPENDED_GROUP, version, replies, checks)


def write_nas(session: Session, client: NasClient) -> bool:
    """Store a router as a RADIUS client, also one removed before if this version is newer."""
    seq = next_seq(session)
    removed = session.get(RemovedNas, client.router_id, populate_existing=True)
    if removed is not None and removed.version >= client.version:
        return False
    known = _nas_of_router(session, client.router_id)
    if known is not None and (known.version or 0) >= client.version:
        return False
    if removed is not None:
        session.delete(removed)
    row = {
        "nasname": client.address,
        "shortname": client.name,
        "secret": client.secret,
        "coa_port": client.coa_port,
        "session_control": client.session_control.value,
        "require_message_authenticator": client.require_message_authenticator,
        "disabled": client.disabled,
        "version": client.version,
        "changed_seq": seq,
    }
    if known is not None and known.secret != client.secret:
        row["last_secret_mismatch_at"] = None  # what was signed wrongly until now tells nothing of this one
    _store(session, Nas, known, {"router_id": client.router_id, "type": "mikrotik"}, row)
    return True


def remove_nas(session: Session, router_id: str, version: int) -> bool:
    """Forget a router. FreeRADIUS reads every row of `nas`, so the row itself has to go."""
    seq = next_seq(session)
    removed = session.get(RemovedNas, router_id, populate_existing=True)
    if removed is not None and removed.version >= version:
        return False
    known = _nas_of_router(session, router_id)
    if known is not None and (known.version or 0) >= version:
        return False
    if known is not None:
        session.delete(known)
    row = {"version": version, "changed_seq": seq}
    _store(session, RemovedNas, removed, {"router_id": router_id}, row)
    return True


def next_seq(session: Session) -> int:
    """The seq this transaction stamps on its changes; taken once, then remembered.

    A savepoint takes its own: if it is rolled back, so is its number.
    """
    transaction = session.get_nested_transaction() or session.get_transaction()
    remembered: tuple[object, int] | None = session.info.get("index_version")
    if transaction is not None and remembered is not None and remembered[0] is transaction:
        return remembered[1]
    statement = update(IndexVersion).values(seq=IndexVersion.seq + 1).returning(IndexVersion.seq)
    seq = session.execute(statement, execution_options={"synchronize_session": False}).scalar_one_or_none()
    if seq is None:
        seq = 1
        session.execute(insert(IndexVersion).values(id=1, seq=seq))
    session.info["index_version"] = (session.get_nested_transaction() or session.get_transaction(), seq)
    return seq


def _store(
    session: Session, model: type[Any], known: Any | None, key: Mapping[str, Any], row: Mapping[str, Any]
) -> None:
    if known is None:
        session.add(model(**key, **row))
    else:
        for name, value in row.items():
            setattr(known, name, value)
    session.flush()  # so that a constraint speaks here and not at some later query


def _nas_of_router(session: Session, router_id: str) -> Nas | None:
    statement = select(Nas).where(Nas.router_id == router_id)
    return session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def _held_by_another_service(session: Session, username: str, service_id: str) -> bool:
    statement = select(RadiusAccount.service_id).where(
        RadiusAccount.username == username,
        RadiusAccount.service_id != service_id,
        LIVE_ACCOUNT,
    )
    return session.execute(statement).first() is not None


def _delete_login(session: Session, username: str) -> None:
    for table in (RadCheck, RadReply, RadUserGroup):
        session.execute(delete(table).where(table.username == username))


def _insert_login(session: Session, account: Account) -> None:
    name = account.username
    checks = {"NT-Password": nt_password_hash(account.password).hex()}
    if account.session_limit is not None:
        checks["Simultaneous-Use"] = str(account.session_limit)
    for attribute, value in checks.items():
        session.add(RadCheck(username=name, attribute=attribute, op=":=", value=value))
    if account.static_ip is not None:
        session.add(RadReply(username=name, attribute="Framed-IP-Address", op=":=", value=account.static_ip))
    if account.suspended:
        session.add(RadUserGroup(username=name, groupname=SUSPENDED_GROUP, priority=SUSPENDED_PRIORITY))
    session.add(RadUserGroup(username=name, groupname=plan_group(account.plan_id), priority=PLAN_PRIORITY))
    session.flush()


def _write_group(
    session: Session,
    groupname: str,
    version: int,
    replies: Iterable[tuple[str, str, str]],
    checks: Iterable[tuple[str, str, str]] = (),
) -> bool:
    seq = next_seq(session)
    known = session.get(RadiusGroup, groupname, populate_existing=True)
    if known is not None and known.version >= version:
        return False
    row = {"version": version, "changed_seq": seq}
    _store(session, RadiusGroup, known, {"groupname": groupname}, row)
    for table, items in ((RadGroupReply, replies), (RadGroupCheck, checks)):
        session.execute(delete(table).where(table.groupname == groupname))
        for attribute, op, value in items:
            session.add(table(groupname=groupname, attribute=attribute, op=op, value=value))
    session.flush()
    return True
