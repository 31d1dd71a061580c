"""Making and changing subscribers."""

from __future__ import annotations

import secrets
from datetime import date, datetime

from contracts.common import FieldError, InvalidInput, NotFound
from contracts.subscriber import ChangeSubscriber, CreateSubscriber, SubscriberChanged
from servicekit import outbox
from servicekit.ids import new_id
from servicekit.paging import folded
from servicekit.secrets import FieldCipher
from sqlalchemy import select
from sqlalchemy.orm import Session

from subscriber_svc.domain import checks
from subscriber_svc.models import Subscriber
from subscriber_svc.usecases import services

# Without letters and digits that are read for one another.
SHORT_ID_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
SHORT_ID_LENGTH = 13  # 63 bits: not to be guessed


def create_subscriber(
    session: Session, command: CreateSubscriber, *, cipher: FieldCipher, now: datetime, today: date
) -> Subscriber:
    """A subscriber, and their first service if one is given: both or neither. Raises InvalidInput."""
    subscriber = Subscriber(
        id=new_id(),
        version=1,
        short_id="".join(secrets.choice(SHORT_ID_ALPHABET) for _ in range(SHORT_ID_LENGTH)),
        full_name=checks.text("full_name", command.full_name, required=True),
        email=checks.email(command.email),
        phone=checks.phone(command.phone),
        address=checks.text("address", command.address, longest=500, lines=True),
        notes=checks.text("notes", command.notes, longest=5000, lines=True),
        created_at=now,
    )
    session.add(subscriber)
    _say_changed(session, subscriber, now)
    if command.service is not None:
        try:
            services.create_service(session, subscriber, command.service, cipher=cipher, now=now, today=today)
        except InvalidInput as error:
            inner = [FieldError(f"service.{wrong.field}", wrong.message) for wrong in error.errors]
            raise InvalidInput(error.message, inner) from error
    return subscriber


def change_subscriber(session: Session, command: ChangeSubscriber, *, now: datetime) -> Subscriber:
    """Raises NotFound, InvalidInput."""
    subscriber = get_subscriber(session, command.subscriber_id, lock=True)
    name_before = subscriber.full_name
    if command.full_name is not None:
        subscriber.full_name = checks.text("full_name", command.full_name, required=True)
    if command.email is not None:
        subscriber.email = checks.email(command.email)
    if command.phone is not None:
        subscriber.phone = checks.phone(command.phone)
    if command.address is not None:
        subscriber.address = checks.text("address", command.address, longest=500, lines=True)
    if command.notes is not None:
        subscriber.notes = checks.text("notes", command.notes, longest=5000, lines=True)
    if subscriber.full_name != name_before:
        subscriber.name_key = folded(subscriber.full_name)
        subscriber.version += 1
        _say_changed(session, subscriber, now)
    return subscriber


def get_subscriber(session: Session, subscriber_id: str, *, lock: bool = False) -> Subscriber:
    """Raises NotFound."""
    query = select(Subscriber).where(Subscriber.id == subscriber_id)
    subscriber = session.scalar(query.with_for_update() if lock else query)
    if subscriber is None:
        raise NotFound(f"there is no subscriber {subscriber_id}")
    return subscriber


def _say_changed(session: Session, subscriber: Subscriber, now: datetime) -> None:
    outbox.add(
        session,
        SubscriberChanged(
            subscriber_id=subscriber.id, version=subscriber.version, full_name=subscriber.full_name
        ),
        now=now,
    )
