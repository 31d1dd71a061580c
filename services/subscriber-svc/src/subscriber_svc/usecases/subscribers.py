"""Creating and changing subscribers."""

from __future__ import annotations

import secrets
from datetime import date, datetime

from contracts.common import FieldError, InvalidInput, changes
from contracts.subscriber import ChangeSubscriber, CreateSubscriber, RenewPaymentPage, SubscriberChanged
from servicekit import loading, outbox
from servicekit.edits import check_current, mark_edited
from servicekit.ids import new_id
from servicekit.paging import folded
from servicekit.secrets import FieldCipher
from sqlalchemy.orm import Session

from subscriber_svc.domain import checks
from subscriber_svc.models import Subscriber
from subscriber_svc.usecases import services

# Without letters and digits that are easily mistaken for one another.
SHORT_ID_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
SHORT_ID_LENGTH = 13  # 63 bits: it cannot be guessed


def create_subscriber(
    session: Session, command: CreateSubscriber, *, cipher: FieldCipher, now: datetime, today: date
) -> Subscriber:
    """Create a subscriber and, if given, their first service: both or neither.

    Raises InvalidInput, and what `create_service` raises.
    """
    subscriber = Subscriber(
        id=new_id(),
        version=1,
        short_id=_new_short_id(),
        created_at=now,
        services=[],
        **{name: check(getattr(command, name)) for name, check in checks.SUBSCRIBER_FIELDS.items()},
    )
    session.add(subscriber)
    _publish(session, subscriber, now)
    with session.no_autoflush:  # the flush takes the account number, which others then wait for
        if command.service is not None:
            try:
                services.create_service(
                    session, subscriber, command.service, command, cipher=cipher, now=now, today=today
                )
            except InvalidInput as error:
                inner = [FieldError(f"service.{wrong.field}", wrong.message) for wrong in error.errors]
                raise InvalidInput(error.message, inner) from error
    session.flush()
    return subscriber


def change_subscriber(session: Session, command: ChangeSubscriber, *, now: datetime) -> Subscriber:
    """Change a subscriber, and publish a new name. Raises NotFound, InvalidInput, Stale."""
    subscriber = loading.lock(session, Subscriber, command.subscriber_id)
    check_current(subscriber, command)
    name_before = subscriber.full_name
    for name, value in changes(command):
        setattr(subscriber, name, checks.SUBSCRIBER_FIELDS[name](value))
    subscriber.area_key = folded(subscriber.area)
    if session.is_modified(subscriber):
        mark_edited(subscriber, command, now)
    if subscriber.full_name != name_before:
        subscriber.name_key = folded(subscriber.full_name)
        subscriber.version += 1
        _publish(session, subscriber, now)
    return subscriber


def renew_payment_page(session: Session, command: RenewPaymentPage) -> Subscriber:
    """Give the subscriber's payment page a new address. Raises NotFound."""
    subscriber = loading.lock(session, Subscriber, command.subscriber_id)
    subscriber.short_id = _new_short_id()
    return subscriber


def _new_short_id() -> str:
    return "".join(secrets.choice(SHORT_ID_ALPHABET) for _ in range(SHORT_ID_LENGTH))


def _publish(session: Session, subscriber: Subscriber, now: datetime) -> None:
    outbox.add(
        session,
        SubscriberChanged(
            subscriber_id=subscriber.id, version=subscriber.version, full_name=subscriber.full_name
        ),
        now=now,
    )
