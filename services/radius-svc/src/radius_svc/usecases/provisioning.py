"""Facts of other services become RADIUS rows, and live sessions are told to follow.

Both in one transaction: what is answered next and the work on the sessions that were answered before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contracts.billing import BillingSettings
from contracts.router import NasDeregistered, NasRegistered
from contracts.subscriber import PlanView, ServiceHoldReleased, ServiceSnapshot, ServiceStatus
from servicekit.db import rows_changed
from servicekit.ids import new_id
from servicekit.logs import correlation_id
from servicekit.secrets import FieldCipher
from sqlalchemy import Select, Update, insert, literal, select, update
from sqlalchemy.orm import Session

from radius_svc.domain.rate_limit import Burst, Speed, mikrotik_rate_limit
from radius_svc.models import ChangeKind, ChangeStatus, RadAcct, RadiusAccount, Reconnect, SessionChange
from radius_svc.usecases import authorization
from radius_svc.usecases.groups import group_replies

# Set in session.info when live sessions have to follow; the commit wakes the dispatcher.
MARK = "session_changes"

INTERIM_SECONDS = 300
SUSPENDED_ADDRESS_LIST = "isp-suspended"
SUSPENDED_RATE_LIMIT = "256k/256k"
SUSPENDED_SESSION_SECONDS = 3600


def keep_service(
    session: Session,
    service: ServiceSnapshot,
    *,
    cipher: FieldCipher,
    now: datetime,
    released: ServiceHoldReleased | None = None,
) -> None:
    """Provision the service as it is now. `released` is set when this is the release of a hold."""
    keep_plan(session, service.plan, now=now)
    before = _copy(session.get(RadiusAccount, service.id))
    account = authorization.Account(
        service_id=service.id,
        version=service.version,
        subscriber_id=service.subscriber_id,
        username=service.pppoe_username,
        password=cipher.decrypt(service.password_encrypted, aad=service.id),
        password_encrypted=service.password_encrypted,
        plan_id=service.plan.id,
        router_id=service.router_id,
        static_ip=service.static_ip,
        suspended=service.status is ServiceStatus.SUSPENDED,
        terminated=service.status is ServiceStatus.TERMINATED,
        session_limit=service.session_limit,
    )
    if not authorization.write_account(session, account):
        return
    kind = _change_needed(before, account)
    restored = before is not None and before.suspended and not account.suspended and not account.terminated
    if kind is None:
        return
    change = _ask_to_follow(session, service.id, kind, now)
    if restored and released is not None:
        session.flush()  # the reconnect refers to the change
        session.add(
            Reconnect(
                id=new_id(),
                service_id=service.id,
                change_id=change.id,
                payment_id=released.payment_id,
                paid_at=released.paid_at,
                released_at=released.released_at,
                authorized_at=now,
            )
        )


def keep_plan(session: Session, plan: PlanView, *, now: datetime) -> None:
    """Provision the plan's group; a new speed is to reach the sessions that are up."""
    replies = {
        "Mikrotik-Rate-Limit": _rate_limit(plan),
        "Acct-Interim-Interval": str(INTERIM_SECONDS),
    }
    if plan.address_pool:
        replies["Framed-Pool"] = plan.address_pool
    authorization.next_seq(session)  # one writer at a time: what is read now is what is written over
    before = group_replies(session, authorization.plan_group(plan.id))
    if not authorization.write_plan_group(session, plan.id, plan.version, replies):
        return
    if before and before.get("Mikrotik-Rate-Limit") != replies["Mikrotik-Rate-Limit"]:
        on_line = (
            select(RadiusAccount.service_id)
            .join(RadAcct, RadAcct.service_id == RadiusAccount.service_id)
            .where(
                RadiusAccount.plan_id == plan.id,
                RadiusAccount.suspended.is_(False),
                RadAcct.acctstoptime.is_(None),
            )
            .distinct()
        )
        _ask_all_to_follow(session, on_line, ChangeKind.RATE, now)


def keep_settings(session: Session, settings: BillingSettings) -> None:
    """Provision what a suspended login gets."""
    authorization.write_suspended_group(
        session,
        settings.version,
        mode=settings.suspension_mode,
        address_list=SUSPENDED_ADDRESS_LIST,
        rate_limit=SUSPENDED_RATE_LIMIT,
        session_timeout_seconds=SUSPENDED_SESSION_SECONDS,
    )


def keep_nas(session: Session, event: NasRegistered, *, cipher: FieldCipher) -> None:
    router = event.router
    client = authorization.NasClient(
        router_id=router.id,
        version=router.version,
        address=router.nas_address,
        name=router.name,
        secret=cipher.decrypt(event.radius_secret_encrypted, aad=router.id),
        coa_port=router.coa_port,
        session_control=router.session_control,
        require_message_authenticator=router.require_message_authenticator,
    )
    authorization.write_nas(session, client)


def forget_nas(session: Session, event: NasDeregistered) -> None:
    authorization.remove_nas(session, event.router_id, event.version)


def ask_to_kick(session: Session, service_id: str, *, now: datetime) -> SessionChange:
    """A person wants the live sessions of the service ended."""
    return _ask_to_follow(session, service_id, ChangeKind.KICK, now)


def _ask_to_follow(session: Session, service_id: str, kind: ChangeKind, now: datetime) -> SessionChange:
    """One change after the other: those that are waiting have their next round at once, or give way."""
    session.execute(_hurry_those_waiting().where(SessionChange.service_id == service_id))
    change = SessionChange(service_id=service_id, **_new_change(session, kind, now))
    session.add(change)
    session.info[MARK] = True
    return change


def _ask_all_to_follow(session: Session, services: Select[str], kind: ChangeKind, now: datetime) -> None:
    """The same of all services that a query finds, in two statements however many they are: every other
    change of RADIUS rows waits meanwhile."""
    hurry = _hurry_those_waiting().where(SessionChange.service_id.in_(services))
    session.execute(hurry, execution_options={"synchronize_session": False})
    values = _new_change(session, kind, now)
    found = services.subquery()
    constants = [literal(value, SessionChange.__table__.c[name].type) for name, value in values.items()]
    change = insert(SessionChange).from_select(
        ["service_id", *values], select(found.c.service_id, *constants)
    )
    if rows_changed(session, change):
        session.info[MARK] = True


def _hurry_those_waiting() -> Update:
    waiting = update(SessionChange).where(SessionChange.status == ChangeStatus.PENDING)
    return waiting.values(next_round_at=datetime.now(UTC))


def _new_change(session: Session, kind: ChangeKind, now: datetime) -> dict[str, Any]:
    """The columns of a change that do not depend on whose it is."""
    return {
        "kind": kind,
        "status": ChangeStatus.PENDING,
        "authorized_seq": authorization.next_seq(session),
        "authorized_at": now,
        "rounds": 0,
        "next_round_at": datetime.now(UTC),
        "correlation_id": correlation_id(),
    }


def _change_needed(before: authorization.Account | None, after: authorization.Account) -> ChangeKind | None:
    """What live sessions have to be told, if anything."""
    if before is None:
        return None

    def identity(account: authorization.Account) -> tuple:
        return (account.username, account.static_ip, account.suspended, account.terminated)

    if identity(before) != identity(after):
        return ChangeKind.AUTHORIZATION
    if before.plan_id != after.plan_id and not after.suspended:
        return ChangeKind.RATE
    return None


def _copy(row: RadiusAccount | None) -> authorization.Account | None:
    """The account as it was, before it is written over."""
    if row is None:
        return None
    return authorization.Account(
        service_id=row.service_id,
        version=row.version,
        subscriber_id=row.subscriber_id,
        username=row.username,
        password="",
        password_encrypted=row.password_encrypted,
        plan_id=row.plan_id,
        router_id=row.router_id,
        static_ip=row.static_ip,
        suspended=row.suspended,
        terminated=row.terminated,
        session_limit=row.session_limit,
    )


def _rate_limit(plan: PlanView) -> str:
    burst = None
    if plan.burst is not None:
        burst = Burst(
            limit=Speed(plan.burst.download_kbps, plan.burst.upload_kbps),
            threshold=Speed(plan.burst.threshold_download_kbps, plan.burst.threshold_upload_kbps),
            seconds=plan.burst.seconds,
        )
    return mikrotik_rate_limit(Speed(plan.download_kbps, plan.upload_kbps), burst)
