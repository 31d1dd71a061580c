"""Two people who edit the same record don't undo each other's changes."""

from __future__ import annotations

import pytest
from contracts.common import LastEdit, Stale
from contracts.holds import HoldReason
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.subscriber import (
    ArchivePlan,
    ChangePlan,
    ChangeService,
    ChangeSubscriber,
)
from subscriber_svc.usecases import services
from testkit.component import while_held


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_simultaneous_changes_of_price_and_discount_are_both_kept(subscribers):
    service = subscribers.service()
    replica = subscribers.tested.another().runtime
    discount = Discount(DiscountKind.PERCENT, 1_000)

    def rival():
        subscribers.api.change_service(ChangeService(service_id=service.id, discount=discount))

    price = ChangeService(service_id=service.id, individual_price=Money(120_000))
    while_held(
        subscribers.tested,
        lambda session: services.change_service(
            session, price, cipher=replica.cipher, now=replica.now(), today=replica.today()
        ),
        rival,
    )
    terms = subscribers.api.get_service(service.id).billing_terms
    assert terms == BillingTerms(Money(120_000), discount)


def test_change_of_one_billing_term_keeps_the_other(subscribers):
    service = subscribers.service()
    discount = Discount(DiscountKind.AMOUNT, 5_000)
    subscribers.api.change_service(
        ChangeService(service_id=service.id, individual_price=Money(120_000), discount=discount)
    )
    cleared = subscribers.api.change_service(
        ChangeService(service_id=service.id, clear=("individual_price",))
    )
    assert cleared.billing_terms == BillingTerms(None, discount)


def test_edit_based_on_an_older_version_is_refused_and_changes_nothing(subscribers):
    subscriber = subscribers.subscriber()
    (service,) = subscriber.services
    plan = subscribers.fiber
    api = subscribers.api
    edits = [
        (
            lambda version, text: api.change_subscriber(
                ChangeSubscriber(subscriber_id=subscriber.id, notes=text, version=version, actor="ana")
            ),
            subscriber,
        ),
        (
            lambda version, text: api.change_service(
                ChangeService(service_id=service.id, pppoe_username=text, version=version, actor="ana")
            ),
            service,
        ),
        (
            lambda version, text: api.change_plan(
                ChangePlan(plan_id=plan.id, name=text, version=version, actor="ana")
            ),
            plan,
        ),
    ]
    for edit, view in edits:
        assert view.edit == LastEdit(1, None, "")
        first = edit(1, "first")
        assert first.edit == LastEdit(2, subscribers.runtime.now(), "ana")
        with pytest.raises(Stale, match="version 2 was saved by ana after version 1"):
            edit(1, "second")
        assert edit(None, "first") == first  # the API may leave the version out; no change is no edit
        assert edit(2, "third").edit.version == 3


def test_holds_are_not_edits_of_a_service(subscribers):
    service = subscribers.service()
    subscribers.overdue(service)
    held = subscribers.hold(service, HoldReason.VACATION)
    assert (held.version > service.version, held.edit) == (True, service.edit)


def test_archiving_a_plan_outdates_an_open_form(subscribers):
    subscribers.api.archive_plan(ArchivePlan(plan_id=subscribers.fiber.id, actor="ana"))
    with pytest.raises(Stale):
        subscribers.api.change_plan(ChangePlan(plan_id=subscribers.fiber.id, name="New", version=1))
