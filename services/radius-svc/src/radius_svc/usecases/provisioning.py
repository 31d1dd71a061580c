"""Turns events of other services into RADIUS rows and into changes of live sessions.

Both happen in one transaction: the rows that answer the next login, and the change that makes sessions follow
that were let in before.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Self

from contracts.billing_settings import BillingSettings
from contracts.router import NasDeregistered, NasRegistered
from contracts.subscriber import PlanView, ServiceSnapshot, ServiceStatus
from servicekit.ids import new_id
from servicekit.secrets import FieldCipher
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc.domain.rate_limit import Burst, Speed, mikrotik_rate_limit
from radius_svc.models import ChangeKind, RadAcct, RadiusAccount, Reconnect
from radius_svc.protocol.attribute_names import ACCT_INTERIM_INTERVAL, FRAMED_POOL, MIKROTIK_RATE_LIMIT
from radius_svc.usecases import authorization
from radius_svc.usecases.authorization import group_replies
from radius_svc.usecases.following.changes import request_change, request_change_of_all

INTERIM_SECONDS = 300
SUSPENDED_ADDRESS_LIST = "isp-suspended"
SUSPENDED_RATE_LIMIT = "256k/256k"
SUSPENDED_SESSION_SECONDS = 3600


class Release(NamedTuple):
    """When a service was allowed online again, and by which payment, if one did it."""

    released_at: datetime
    paid_at: datetime | None = None
    payment_id: str | None = None


def keep_service(
    session: Session,
    service: ServiceSnapshot,
    *,
    cipher: FieldCipher,
    now: datetime,
    released: Release | None = None,
) -> None:
    """Write the login of the service, and request what its live sessions need. `released`: if a hold was
    released or exempted.

    Does nothing if this version is not newer than the stored one.
    """
    keep_plan(session, service.plan, now=now)
    account = _account_data(service, cipher)
    row = session.get(RadiusAccount, service.id)
    before = None if row is None else _Authorized.of(row)  # before the row is overwritten
    if not authorization.write_account(session, account) or before is None:
        return
    after = _Authorized.of(account)
    kind = _change_needed(before, after)
    if kind is None:
        return
    change = request_change(session, service.id, kind, now)
    is_restored = before.suspended and not after.suspended and not after.terminated
    if is_restored and released is not None:
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


def _account_data(service: ServiceSnapshot, cipher: FieldCipher) -> authorization.AccountData:
    return authorization.AccountData(
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


def keep_plan(session: Session, plan: PlanView, *, now: datetime) -> None:
    """Write the group of the plan. Live sessions get a new speed, too."""
    replies = {
        MIKROTIK_RATE_LIMIT: _rate_limit(plan),
        ACCT_INTERIM_INTERVAL: str(INTERIM_SECONDS),
    }
    if plan.address_pool:
        replies[FRAMED_POOL] = plan.address_pool
    authorization.next_seq(session)  # locks out other writers, so what is read now is what is replaced
    before = group_replies(session, authorization.plan_group(plan.id))
    if not authorization.write_plan_group(session, plan.id, plan.version, replies):
        return
    if before and before.get(MIKROTIK_RATE_LIMIT) != replies[MIKROTIK_RATE_LIMIT]:
        online = (
            select(RadiusAccount.service_id)
            .join(RadAcct, RadAcct.service_id == RadiusAccount.service_id)
            .where(
                RadiusAccount.plan_id == plan.id,
                RadiusAccount.suspended.is_(False),
                RadAcct.acctstoptime.is_(None),
            )
            .distinct()
        )
        request_change_of_all(session, online, ChangeKind.RATE, now)


def keep_settings(session: Session, settings: BillingSettings) -> None:
    """Write the group of suspended logins."""
    authorization.write_suspended_group(
        session,
        settings.version,
        mode=settings.suspension_mode,
        address_list=SUSPENDED_ADDRESS_LIST,
        rate_limit=SUSPENDED_RATE_LIMIT,
        session_timeout_seconds=SUSPENDED_SESSION_SECONDS,
    )


def keep_nas(session: Session, event: NasRegistered, *, cipher: FieldCipher) -> None:
    """Write the router as a RADIUS client."""
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
    """Remove the router from the RADIUS clients."""
    authorization.remove_nas(session, event.router_id, event.version)


class _Authorized(NamedTuple):
    """The part of an account that live sessions were authorized by."""

    username: str
    static_ip: str | None
    suspended: bool
    terminated: bool
    plan_id: str

    @classmethod
    def of(cls, account: RadiusAccount | authorization.AccountData) -> Self:
        return cls(
            account.username, account.static_ip, account.suspended, account.terminated, account.plan_id
        )


def _change_needed(before: _Authorized, after: _Authorized) -> ChangeKind | None:
    """What kind of change live sessions need; None if they need none."""
    if before._replace(plan_id=after.plan_id) != after:
        return ChangeKind.AUTHORIZATION
    if before.plan_id != after.plan_id and not after.suspended:
        return ChangeKind.RATE
    return None


def _rate_limit(plan: PlanView) -> str:
    burst = None
    if plan.burst is not None:
        burst = Burst(
            limit=Speed(plan.burst.download_kbps, plan.burst.upload_kbps),
            threshold=Speed(plan.burst.threshold_download_kbps, plan.burst.threshold_upload_kbps),
            seconds=plan.burst.seconds,
        )
    return mikrotik_rate_limit(Speed(plan.download_kbps, plan.upload_kbps), burst)
