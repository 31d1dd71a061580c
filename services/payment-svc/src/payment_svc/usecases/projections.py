"""Keeping a copy of subscribers' names, to show and search payments by."""

from __future__ import annotations

from contracts.subscriber import SubscriberChanged
from servicekit.db import insert_if_absent
from servicekit.paging import folded
from sqlalchemy.orm import Session

from payment_svc.models import SubscriberProjection


def keep_subscriber(session: Session, event: SubscriberChanged) -> None:
    """Keep the name, unless a newer version is kept already."""
    subscriber_id = event.subscriber_id
    insert_if_absent(
        session, SubscriberProjection, subscriber_id=subscriber_id, version=0, full_name="", name_key=""
    )
    kept = session.get_one(SubscriberProjection, subscriber_id, with_for_update=True)
    if event.version > kept.version:
        kept.version, kept.full_name, kept.name_key = event.version, event.full_name, folded(event.full_name)
