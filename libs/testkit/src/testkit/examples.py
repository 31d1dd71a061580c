"""Examples of what services publish, with the usual values. Change what the test is about:
`a_plan(price=Money(99_900))`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from contracts.billing_settings import DEFAULTS, BillingSettings
from contracts.money import Money
from contracts.pricing import BillingTerms
from contracts.subscriber import (
    BillingType,
    PlanStatus,
    PlanView,
    ServiceSnapshot,
    ServiceStatus,
)
from servicekit.ids import new_id

# Ten in the morning of 23 November 2026 in Manila.
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def a_plan(**changes: Any) -> PlanView:
    """Fiber 50 Mbps for 1,500.00 a month, billed afterwards."""
    plan = PlanView(
        id=new_id(),
        version=1,
        name="Fiber 50 Mbps",
        price=Money(150_000),
        billing_type=BillingType.POSTPAID,
        download_kbps=50_000,
        upload_kbps=50_000,
        burst=None,
        address_pool=None,
        status=PlanStatus.ACTIVE,
        created_at=START,
    )
    return replace(plan, **changes)


def a_service(**changes: Any) -> ServiceSnapshot:
    """An active service of a new subscriber on `a_plan()`, at the router with the id `router`.

    Its password is empty, since only the process with the key can encrypt one.
    """
    service_id = new_id()
    plan = changes.pop("plan", None) or a_plan()
    service = ServiceSnapshot(
        id=service_id,
        version=1,
        subscriber_id=new_id(),
        pppoe_username=f"login-{service_id[-6:]}",
        password_encrypted="",
        plan=plan,
        router_id="router",
        static_ip=None,
        billing_terms=BillingTerms(),
        status=ServiceStatus.ACTIVE,
        activated_on=START.date(),
    )
    return replace(service, **changes)


def billing_settings(**changes: Any) -> BillingSettings:
    """What billing starts with: invoices on the 1st, due after 15 days, suspension 5 days later."""
    return replace(DEFAULTS, **changes)
