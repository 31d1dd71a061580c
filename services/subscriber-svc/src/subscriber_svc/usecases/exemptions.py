"""Exemptions: a service stays up for a time despite a hold."""

from __future__ import annotations

from datetime import datetime

from contracts.access import COVERED, covering
from contracts.common import Conflict, NotFound
from contracts.holds import CancelExemption, ExemptionKind, HoldReason, RestoreService
from contracts.subscriber import ServiceExempted, ServiceExemptionEnded
from servicekit import loading
from servicekit.ids import new_id
from sqlalchemy import select
from sqlalchemy.orm import Session

from subscriber_svc.domain import access, checks
from subscriber_svc.domain.access import BILLING
from subscriber_svc.models import Exemption, Service
from subscriber_svc.usecases.services import lock_live_service, publish
from subscriber_svc.views import exemption_view


def restore_service(session: Session, command: RestoreService, *, now: datetime) -> Service:
    """Exempt a service from its overdue hold for a time. A restore that is active already ends with this.

    Raises NotFound if there is no such service, Conflict if it is terminated or has no overdue hold, and
    InvalidInput for a bad note or time.
    """
    until = access.restored_until(command.until, now)
    note = checks.text("note", command.note, longest=500, lines=True)
    service = lock_live_service(session, command.service_id)
    _restore(session, service, until=until, by=command.actor, note=note, now=now)
    return service


def restore_by_default(session: Session, service: Service, *, by: str, now: datetime) -> None:
    """Restore a locked service for the default time; does nothing if it is exempted from its overdue hold.

    Raises Conflict if it is terminated or has no overdue hold.
    """
    if service.terminated_at is not None:
        raise Conflict(f"service {service.pppoe_username} is terminated and cannot be restored")
    if not covering(HoldReason.OVERDUE, service.exemptions, now):
        _restore(session, service, until=access.restored_until(None, now), by=by, note="", now=now)


def cancel_exemption(session: Session, command: CancelExemption, *, now: datetime) -> Service:
    """End an exemption now. Does nothing if it has ended.

    Raises NotFound if there is no such service, or it has no such exemption.
    """
    service = loading.lock(session, Service, command.service_id)
    exemption = next((one for one in service.exemptions if one.id == command.exemption_id), None)
    if exemption is None:
        raise NotFound(f"service {service.id} has no exemption {command.exemption_id}")
    _end(session, exemption, by=command.actor, now=now)
    return service


def end_settled(session: Session, service: Service, *, now: datetime) -> None:
    """End the exemptions from an overdue hold: the account owes nothing overdue anymore."""
    for exemption in service.exemptions:
        if HoldReason.OVERDUE in COVERED[exemption.kind]:
            _end(session, exemption, by=BILLING, now=now)


def expired(session: Session, now: datetime, *, limit: int) -> list[str]:
    """The ids of services with an exemption whose time is over, the longest over first."""
    query = select(Exemption.service_id).where(Exemption.ended_at.is_(None), Exemption.until <= now)
    return list(session.scalars(query.order_by(Exemption.until).limit(limit)))


def end_expired(session: Session, service_id: str, *, now: datetime) -> None:
    """End the exemptions of a service whose time is over: holds that they covered suspend it again."""
    service = loading.lock(session, Service, service_id)
    for exemption in service.exemptions:
        if exemption.until <= now:
            _end(session, exemption, by=None, now=now)


def _restore(
    session: Session, service: Service, *, until: datetime, by: str, note: str, now: datetime
) -> None:
    if not any(hold.reason is HoldReason.OVERDUE for hold in service.standing_holds):
        raise Conflict(
            f"service {service.pppoe_username} has no overdue hold, so there is nothing to restore"
        )
    kind = ExemptionKind.TEMPORARY_RESTORE
    replaced = [one for one in service.exemptions if one.kind is kind and one.ended_at is None]
    for exemption in replaced:
        exemption.ended_at, exemption.ended_by = now, by
    session.flush()  # only one of a kind may be active, and inserts come before updates
    added = Exemption(id=new_id(), kind=kind, starts_at=now, until=until, author=by, note=note)
    service.exemptions.append(added)
    for exemption in replaced:  # published now, so that no consumer suspends the service in between
        publish(session, service, ServiceExemptionEnded, now=now, exemption=exemption_view(exemption))
    publish(session, service, ServiceExempted, now=now, exemption=exemption_view(added))


def _end(session: Session, exemption: Exemption, *, by: str | None, now: datetime) -> None:
    if exemption.ended_at is not None:
        return
    exemption.ended_at, exemption.ended_by = now, by
    service = exemption.service
    if service.terminated_at is not None:
        return  # nothing follows from it anymore
    publish(session, service, ServiceExemptionEnded, now=now, exemption=exemption_view(exemption))
