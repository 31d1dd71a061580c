"""Whether RADIUS knows a service, and whether it is online."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.radius import ServiceState
from servicekit.paging import MAX_PAGE_SIZE
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.models import IS_OPEN, RadAcct, RadiusAccount
from radius_svc.queries import listeners
from radius_svc.queries.sessions import session_view


def list_service_states(session: Session, service_ids: Sequence[str]) -> list[ServiceState]:
    """One state per id (at most 200 ids)."""
    ids = list(service_ids)[:MAX_PAGE_SIZE]
    accounts = {
        account.service_id: account
        for account in session.scalars(select(RadiusAccount).where(RadiusAccount.service_id.in_(ids)))
    }
    rows = session.scalars(
        select(RadAcct).where(RadAcct.service_id.in_(ids), IS_OPEN).order_by(RadAcct.radacctid)
    )
    suspended = {service_id for service_id, account in accounts.items() if account.suspended}
    sessions = {row.service_id: session_view(row, suspended=row.service_id in suspended) for row in rows}
    newest = max((account.changed_seq for account in accounts.values()), default=0)
    in_force = listeners.all_have_applied(session, newest)
    return [
        ServiceState(
            service_id=service_id,
            version=accounts[service_id].version if service_id in accounts else 0,
            provisioned=service_id in accounts and in_force,
            session=sessions.get(service_id),
        )
        for service_id in ids
    ]
