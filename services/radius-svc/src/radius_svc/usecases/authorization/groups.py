"""The groups of plans and of suspended logins, in radgroupcheck and radgroupreply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contracts.billing_settings import SuspensionMode
from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from radius_svc.domain.change_rules import SUSPENDED_CLASS
from radius_svc.models import (
    RadGroupCheck,
    RadGroupReply,
    RadiusGroup,
)
from radius_svc.protocol import attribute_names
from radius_svc.usecases.authorization.versions import next_seq, store

SUSPENDED_GROUP = "suspended"


def plan_group(plan_id: str) -> str:
    """The name of the group of a plan."""
    return f"plan:{plan_id}"


def write_plan_group(session: Session, plan_id: str, version: int, replies: Mapping[str, str]) -> bool:
    """Store the attributes sent to every login of the plan, by name.

    Returns False if this version is not newer.
    """
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
    """Store the attributes sent to suspended logins. In block mode the group refuses them instead.

    `:=` makes the group's values override the plan's. Fall-Through lets the plan provide the rest (its
    address pool). Returns False if this version is not newer.
    """
    replies = [
        (attribute_names.MIKROTIK_ADDRESS_LIST, ":=", address_list),
        (attribute_names.MIKROTIK_RATE_LIMIT, ":=", rate_limit),
        (attribute_names.SESSION_TIMEOUT, ":=", str(session_timeout_seconds)),
        (attribute_names.CLASS, ":=", SUSPENDED_CLASS),
        (attribute_names.FALL_THROUGH, "=", "Yes"),
    ]
    checks = (
        [(attribute_names.AUTH_TYPE, ":=", attribute_names.REJECT)] if mode is SuspensionMode.BLOCK else []
    )
    return _write_group(session, SUSPENDED_GROUP, version, replies, checks)


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
    store(session, RadiusGroup, known, {"groupname": groupname}, row)
    for table, items in ((RadGroupReply, replies), (RadGroupCheck, checks)):
        session.execute(delete(table).where(table.groupname == groupname))
        for attribute, op, value in items:
            session.add(table(groupname=groupname, attribute=attribute, op=op, value=value))
    session.flush()
    return True


def group_replies(session: Session, groupname: str) -> dict[str, str]:
    """The attributes sent to logins of the group, by name; empty if the group does not exist."""
    query = select(RadGroupReply.attribute, RadGroupReply.value).where(RadGroupReply.groupname == groupname)
    return dict(session.execute(query).all())


def suspended_are_refused(session: Session) -> bool:
    """Whether suspended logins are refused (mode `block`) instead of fenced."""
    refused = exists().where(
        RadGroupCheck.groupname == SUSPENDED_GROUP,
        RadGroupCheck.attribute == attribute_names.AUTH_TYPE,
        RadGroupCheck.value == attribute_names.REJECT,
    )
    return bool(session.scalar(select(refused)))
