"""What views say about themselves: rules that several readers share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from contracts.billing import CLOSED_STATUSES, OPEN_STATUSES, InvoiceStatus
from contracts.holds import HoldReason, HoldView
from contracts.money import Money
from contracts.pricing import BillingTerms
from contracts.receivables import AgingBucket
from contracts.subscriber import ServiceStatus, ServiceView, SubscriberView

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
STANDING = HoldView("h1", HoldReason.OVERDUE, "billing", NOW, "", None, None)
RELEASED = HoldView("h2", HoldReason.ADMIN, "maria", NOW, "", NOW, "maria")
ACTIVE = ServiceView(
    id="s1",
    version=1,
    subscriber_id="juan",
    pppoe_username="juan",
    plan_id="p1",
    plan_name="Fiber 50",
    router_id="r1",
    static_ip=None,
    billing_terms=BillingTerms(),
    status=ServiceStatus.ACTIVE,
    holds=[RELEASED],
    activated_on=date(2026, 11, 1),
    billed_from=date(2026, 11, 1),
    terminated_at=None,
    created_at=NOW,
)
SUSPENDED = replace(ACTIVE, id="s2", status=ServiceStatus.SUSPENDED, holds=[RELEASED, STANDING])
TERMINATED = replace(ACTIVE, id="s3", status=ServiceStatus.TERMINATED, holds=[STANDING], terminated_at=NOW)


def subscriber(*services: ServiceView) -> SubscriberView:
    return SubscriberView("juan", "juan23", "Juan Cruz", "", "", "", "", list(services), NOW)


def test_a_hold_stands_until_it_is_released():
    assert STANDING.is_standing
    assert not RELEASED.is_standing
    assert SUSPENDED.standing_holds == [STANDING]
    assert ACTIVE.standing_holds == []


@pytest.mark.parametrize(
    ("services", "status"),
    [
        ([], None),
        ([ACTIVE], ServiceStatus.ACTIVE),
        ([ACTIVE, SUSPENDED], ServiceStatus.SUSPENDED),
        ([TERMINATED], ServiceStatus.TERMINATED),
        ([ACTIVE, TERMINATED], ServiceStatus.ACTIVE),
        ([SUSPENDED, TERMINATED], ServiceStatus.SUSPENDED),
    ],
)
def test_status_of_a_subscriber_ignores_terminated_services(services, status):
    assert subscriber(*services).status is status


def test_holds_of_a_subscriber_are_those_of_live_services():
    assert subscriber(ACTIVE, SUSPENDED, TERMINATED).standing_holds == [STANDING]
    assert subscriber(ACTIVE, TERMINATED).live_services == [ACTIVE]


def test_an_invoice_is_open_until_it_is_paid_or_void():
    assert OPEN_STATUSES == (InvoiceStatus.SENT, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.OVERDUE)
    assert CLOSED_STATUSES == (InvoiceStatus.PAID, InvoiceStatus.VOID)


@pytest.mark.parametrize(
    ("ages", "due_dates"),
    [
        ((0, 0), (date(2026, 11, 23), None)),
        ((1, 30), (date(2026, 10, 24), date(2026, 11, 22))),
        ((91, None), (None, date(2026, 8, 24))),
    ],
)
def test_due_dates_of_an_aging_bucket(ages, due_dates):
    assert AgingBucket(*ages, invoices=1, amount=Money(1)).due_dates(NOW.date()) == due_dates
