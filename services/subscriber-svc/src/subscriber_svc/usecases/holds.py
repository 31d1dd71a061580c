"""Placing and releasing holds, by people and by billing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.billing import AccountOverdue, AccountSettled
from contracts.common import NotFound
from contracts.holds import HoldReason, PlaceHold, ReleaseHold
from contracts.subscriber import ServiceHoldPlaced, ServiceHoldReleased
from servicekit import loading
from servicekit.db import insert_if_absent
from servicekit.ids import new_id
from sqlalchemy import select
from sqlalchemy.orm import Session

from subscriber_svc.domain import access, checks
from subscriber_svc.domain.access import BILLING
from subscriber_svc.models import AccountStanding, Hold, Service
from subscriber_svc.usecases import exemptions
from subscriber_svc.usecases.services import lock_live_service, publish


def place_hold(session: Session, command: PlaceHold, *, now: datetime) -> Service:
    """Place a hold for an operator. Does nothing if one with the same reason is active.

    Raises NotFound if there is no such service, Conflict if it is terminated, and InvalidInput for a bad note
    or a reason that only billing uses.
    """
    access.check_placed_by_hand(command.reason)
    note = checks.text("note", command.note, longest=500, lines=True)
    service = lock_live_service(session, command.service_id)
    _place(session, service, command.reason, by=command.actor, note=note, now=now)
    return service


def release_hold(session: Session, command: ReleaseHold, *, now: datetime) -> Service:
    """Release a hold for an operator. Does nothing if it was released before.

    An `overdue` hold stays: the service is restored for the default time, unless it is restored already.
    Raises NotFound if there is no such service, or it has no such hold, and Conflict for an overdue hold of a
    terminated service.
    """
    service = loading.lock(session, Service, command.service_id)
    hold = next((hold for hold in service.holds if hold.id == command.hold_id), None)
    if hold is None:
        raise NotFound(f"service {service.id} has no hold {command.hold_id}")
    if hold.reason is HoldReason.OVERDUE and hold.released_at is None:
        exemptions.restore_by_default(session, service, by=command.actor, now=now)
    else:
        _release(session, service, hold, by=command.actor, now=now)
    return service


def suspend_overdue(session: Session, event: AccountOverdue, *, now: datetime) -> None:
    """Place an `overdue` hold on the services that the event names."""
    if not _is_news(session, event.subscriber_id, event.sequence):
        return
    for service in _lock_services(session, event.subscriber_id):
        if service.id in event.service_ids and service.terminated_at is None:
            _place(session, service, HoldReason.OVERDUE, by=BILLING, note=event.reason, now=now)


def restore_settled(session: Session, event: AccountSettled, *, now: datetime) -> None:
    """Release the account's `overdue` holds and no others, and end the exemptions from them."""
    if not _is_news(session, event.subscriber_id, event.sequence):
        return
    for service in _lock_services(session, event.subscriber_id):
        for hold in service.standing_holds:
            if hold.reason is HoldReason.OVERDUE:
                _release(
                    session,
                    service,
                    hold,
                    by=BILLING,
                    now=now,
                    paid_at=event.paid_at,
                    payment_id=event.payment_id,
                )
        exemptions.end_settled(session, service, now=now)


def _place(
    session: Session, service: Service, reason: HoldReason, *, by: str, note: str, now: datetime
) -> None:
    if any(hold.reason is reason for hold in service.standing_holds):
        return
    service.holds.append(Hold(id=new_id(), reason=reason, note=note, placed_by=by, placed_at=now))
    publish(session, service, ServiceHoldPlaced, now=now, reason=reason)


def _release(
    session: Session, service: Service, hold: Hold, *, by: str, now: datetime, **cause: object
) -> None:
    if hold.released_at is not None:
        return
    hold.released_at, hold.released_by = now, by
    publish(session, service, ServiceHoldReleased, now=now, reason=hold.reason, released_at=now, **cause)


def _is_news(session: Session, subscriber_id: str, sequence: int) -> bool:
    """Whether this is the latest event about the account: one that arrives late must not undo a newer one."""
    insert_if_absent(session, AccountStanding, subscriber_id=subscriber_id, sequence=0)
    standing = session.get_one(AccountStanding, subscriber_id, with_for_update=True)
    if sequence <= standing.sequence:
        return False
    standing.sequence = sequence
    return True


def _lock_services(session: Session, subscriber_id: str) -> Iterable[Service]:
    query = select(Service).where(Service.subscriber_id == subscriber_id).order_by(Service.id)
    return session.scalars(query.with_for_update()).all()
