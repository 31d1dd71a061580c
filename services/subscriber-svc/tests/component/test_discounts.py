"""Discounts that are probably mistakes: over already, or as large as the price."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contracts.common import InvalidInput, NeedsConfirmation
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.subscriber import AddService, ChangePlan, ChangeService

FREE = ("discount_makes_it_free",)


def amount(minor: int, until=None) -> Discount:
    return Discount(DiscountKind.AMOUNT, minor, until)


def test_discount_that_ended_before_today_is_refused(subscribers):
    today = subscribers.runtime.today()
    past, last_day = amount(10_000, today - timedelta(days=1)), amount(10_000, today)
    service = subscribers.service()
    with pytest.raises(InvalidInput, match="in the past") as refused:
        subscribers.api.change_service(ChangeService(service_id=service.id, discount=past))
    assert [wrong.field for wrong in refused.value.errors] == ["discount.until"]
    with pytest.raises(InvalidInput) as refused:
        subscribers.subscriber("Ana", "ana", billing_terms=BillingTerms(None, past))
    assert [wrong.field for wrong in refused.value.errors] == ["service.discount.until"]
    subscribers.api.change_service(ChangeService(service_id=service.id, discount=last_day))


def test_discount_that_has_ended_does_not_block_other_changes(subscribers):
    """A form sends all fields, also a discount that ended since it was entered."""
    discount = amount(10_000, subscribers.runtime.today())
    service = subscribers.service()
    subscribers.api.change_service(ChangeService(service_id=service.id, discount=discount))
    subscribers.tested.clock.advance(days=2)
    changed = subscribers.api.change_service(
        ChangeService(service_id=service.id, discount=discount, static_ip="10.0.0.1")
    )
    assert (changed.static_ip, changed.billing_terms.discount) == ("10.0.0.1", discount)


@pytest.mark.parametrize(
    "terms",
    [
        BillingTerms(None, amount(999_900)),
        BillingTerms(None, amount(150_000)),
        BillingTerms(Money(90_000), amount(90_000)),
        BillingTerms(None, Discount(DiscountKind.PERCENT, 10_000)),
    ],
)
def test_discount_of_the_whole_price_asks_first(subscribers, terms):
    new = subscribers.new_service("free", billing_terms=terms)
    subscriber_id = subscribers.service().subscriber_id
    command = AddService(subscriber_id=subscriber_id, service=new, idempotency_key="click")
    with pytest.raises(NeedsConfirmation, match="takes off the whole price") as asked:
        subscribers.api.add_service(command)
    assert tuple(warning.code for warning in asked.value.warnings) == FREE
    confirmed = AddService(subscriber_id=subscriber_id, service=new, idempotency_key="click", confirm=FREE)
    assert subscribers.api.add_service(confirmed).billing_terms == terms


def test_change_that_makes_a_service_free_asks_first(subscribers):
    service = subscribers.service()
    subscribers.api.change_service(ChangeService(service_id=service.id, discount=amount(100_000)))
    cheap = subscribers.plan("Cheap", price=Money(90_000))
    for change in ({"plan_id": cheap.id}, {"individual_price": Money(100_000)}):
        with pytest.raises(NeedsConfirmation):
            subscribers.api.change_service(ChangeService(service_id=service.id, **change))
    confirmed = ChangeService(service_id=service.id, plan_id=cheap.id, confirm=FREE)
    assert subscribers.api.change_service(confirmed).plan_id == cheap.id
    # It is free already, so other changes are not asked about.
    subscribers.api.change_service(ChangeService(service_id=service.id, static_ip="10.0.0.1"))


def test_price_of_zero_without_a_discount_is_not_asked_about(subscribers):
    service = subscribers.service()
    free = ChangeService(service_id=service.id, individual_price=Money(0), discount=amount(10_000))
    assert subscribers.api.change_service(free).billing_terms.individual_price == Money(0)


def test_plan_price_below_its_services_discounts_asks_first(subscribers):
    service = subscribers.service()
    subscribers.api.change_service(ChangeService(service_id=service.id, discount=amount(100_000)))
    command = ChangePlan(plan_id=subscribers.fiber.id, price=Money(100_000))
    with pytest.raises(NeedsConfirmation, match=r"1 service has a discount of PHP 1,000.00 or more"):
        subscribers.api.change_plan(command)
    assert subscribers.api.get_plan(subscribers.fiber.id).price == Money(150_000)
    subscribers.api.change_plan(ChangePlan(plan_id=subscribers.fiber.id, price=Money(100_100)))
