"""The logins of services: our own row for each, and its rows in the standard tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from radius_svc.domain.mschap import nt_password_hash
from radius_svc.models import (
    LIVE_ACCOUNT,
    RadCheck,
    RadiusAccount,
    RadReply,
    RadUserGroup,
)
from radius_svc.protocol import attribute_names
from radius_svc.usecases.authorization.groups import SUSPENDED_GROUP, plan_group
from radius_svc.usecases.authorization.versions import next_seq, store

SUSPENDED_PRIORITY = 1
PLAN_PRIORITY = 2


@dataclass(frozen=True, kw_only=True)
class AccountData:
    """The login of one service.

    `password` is in clear. `password_encrypted` is the same password under the field cipher, with the
    service id as associated data; CHAP needs it. `session_limit` is the number of sessions it may have at a
    time; None means no limit.
    """

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


def write_account(session: Session, account: AccountData) -> bool:
    """Store the login and its rows in the standard tables. Returns False if this version is not newer.

    Raises IntegrityError if another live service has this username. The caller's transaction is then lost,
    and the event must be retried after the other service has released the name.
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
    store(session, RadiusAccount, known, {"service_id": account.service_id}, row)
    for name in names:
        if not _held_by_another_service(session, name, account.service_id):
            _delete_login(session, name)
    if not account.terminated:
        _insert_login(session, account)
    return True


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


def _insert_login(session: Session, account: AccountData) -> None:
    name = account.username
    checks = {attribute_names.NT_PASSWORD: nt_password_hash(account.password).hex()}
    if account.session_limit is not None:
        checks[attribute_names.SIMULTANEOUS_USE] = str(account.session_limit)
    for attribute, value in checks.items():
        session.add(RadCheck(username=name, attribute=attribute, op=":=", value=value))
    if account.static_ip is not None:
        address = attribute_names.FRAMED_IP_ADDRESS
        session.add(RadReply(username=name, attribute=address, op=":=", value=account.static_ip))
    if account.suspended:
        session.add(RadUserGroup(username=name, groupname=SUSPENDED_GROUP, priority=SUSPENDED_PRIORITY))
    session.add(RadUserGroup(username=name, groupname=plan_group(account.plan_id), priority=PLAN_PRIORITY))
    session.flush()
