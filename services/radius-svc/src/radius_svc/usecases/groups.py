"""Reading back what our groups say."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from radius_svc.models import RadGroupCheck, RadGroupReply
from radius_svc.usecases.authorization import SUSPENDED_GROUP


def group_replies(session: Session, groupname: str) -> dict[str, str]:
    """Attribute name to value; empty for a group that does not exist."""
    query = select(RadGroupReply.attribute, RadGroupReply.value).where(RadGroupReply.groupname == groupname)
    return dict(session.execute(query).all())


def suspended_are_refused(session: Session) -> bool:
    """Whether a suspended login is refused (mode `block`) instead of fenced."""
    refused = exists().where(
        RadGroupCheck.groupname == SUSPENDED_GROUP,
        RadGroupCheck.attribute == "Auth-Type",
        RadGroupCheck.value == "Reject",
    )
    return bool(session.scalar(select(refused)))
