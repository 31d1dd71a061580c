"""Have the NASes asked about sessions that nobody changed, because evidence gives reason to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from servicekit.ids import new_id
from sqlalchemy.orm import Session

from radius_svc.models import ChangeKind, ChangeStatus, SessionChange
from radius_svc.usecases.provisioning import MARK


def ask(session: Session, services: Mapping[str, int], kind: ChangeKind, *, now: datetime) -> int:
    """`services` are ids, and the change of the RADIUS tables that has to be in force. Returns how many."""
    for service_id, seq in services.items():
        session.add(
            SessionChange(
                service_id=service_id,
                kind=kind,
                status=ChangeStatus.PENDING,
                authorized_seq=seq,
                authorized_at=now,
                rounds=0,
                next_round_at=datetime.now(UTC),
                correlation_id=new_id(),
            )
        )
        session.info[MARK] = True
    return len(services)
