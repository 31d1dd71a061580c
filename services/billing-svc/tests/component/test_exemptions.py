"""Collections leave an exempted service alone, and the invoice names the operator who restored it."""

from __future__ import annotations

from datetime import date, timedelta

from billing_svc.queries import suspensions
from contracts.billing import AccountOverdue, CollectionStatus
from contracts.receivables import CollectionsAction


def restored(billing, *, days: int):
    """A suspended subscriber whose service was restored for a number of days."""
    pedro = billing.subscriber("Pedro Reyes")
    billing.overdue_since(pedro)
    billing.collect()
    began = billing.exempt(billing.services[pedro][0], billing.runtime.now() + timedelta(days=days))
    billing.new_events()
    return pedro, began


def due(billing, until: date) -> list[tuple[str, date]]:
    with billing.runtime.reading() as session:
        found = suspensions.list_suspensions_due(
            session, until, 50, None, now=billing.runtime.now(), zone=billing.runtime.settings.time_zone
        )
    assert found.count == len(found.page.items)
    return [(item.subscriber_name, item.suspend_on) for item in found.page.items]


def test_collections_name_an_exempted_account_and_do_not_suspend_it(billing):
    pedro = billing.subscriber("Pedro Reyes")
    invoice = billing.overdue_since(pedro, days=4)
    until = billing.runtime.now() + timedelta(days=3)
    began = billing.exempt(billing.services[pedro][0], until)
    billing.move_to(invoice.due_on + timedelta(days=5))
    done = billing.collect()
    assert (done.exempted, done.suspended) == (1, 0)
    (item,) = done.items
    assert (item.action, item.exempted_until) == (CollectionsAction.EXEMPTED, until)
    assert billing.new_events() == []
    assert billing.invoice(pedro).collection_status is CollectionStatus.PENDING

    billing.end_exemption(began)
    assert billing.collect().suspended == 1
    assert [type(event) for event in billing.new_events()] == [AccountOverdue]


def test_exemption_that_is_over_protects_no_one_even_if_its_end_was_not_reported(billing):
    pedro = billing.subscriber("Pedro Reyes")
    billing.overdue_since(pedro)
    billing.exempt(billing.services[pedro][0], billing.runtime.now() + timedelta(days=1))
    assert billing.collect().suspended == 0
    assert billing.collect(billing.today + timedelta(days=2), dry_run=True).suspended == 1
    billing.move_to(billing.today + timedelta(days=2))
    assert billing.collect().suspended == 1


def test_account_with_another_service_that_is_not_exempted_is_suspended(billing):
    pedro = billing.subscriber("Pedro Reyes", billing.fiber, billing.fiber)
    billing.overdue_since(pedro)
    first, second = billing.services[pedro]
    billing.exempt(first, billing.runtime.now() + timedelta(days=3))
    assert billing.collect().suspended == 1
    (event,) = billing.new_events()
    # subscriber-svc keeps the exempted one up, and suspends it when its exemption ends.
    assert event.service_ids == sorted([first.id, second.id])
    assert billing.collect().suspended == 0


def test_end_of_an_exemption_that_arrives_before_its_beginning_wins(billing):
    pedro, began = restored(billing, days=3)
    other = billing.subscriber("Maria")
    late = billing.exempt(billing.services[other][0], billing.runtime.now() + timedelta(days=3))
    billing.end_exemption(late)
    billing.handle_exemption(late)
    assert billing.invoices(other) == []
    billing.end_exemption(began, by="ben")
    billing.handle_exemption(began)
    assert billing.invoice(pedro).exemptions[0].ended_by == "ben"
    assert billing.collect().exempted == 0


def test_invoice_names_who_restored_its_service_and_until_when(billing):
    pedro, began = restored(billing, days=3)
    invoice = billing.invoice(pedro)
    assert invoice.collection_status is CollectionStatus.SUSPENDED
    assert invoice.exemptions == [began.exemption]
    billing.pay(pedro, 150_000)
    billing.move_to(billing.today + timedelta(days=40))
    billing.exempt(billing.services[pedro][0], billing.runtime.now() + timedelta(days=1))
    assert billing.invoice(pedro).exemptions == [began.exemption]  # the later one is about another bill


def test_restored_account_is_listed_with_the_day_its_exemption_ends(billing):
    restored(billing, days=3)
    end = billing.today + timedelta(days=3)
    assert due(billing, end - timedelta(days=1)) == []
    assert due(billing, end) == [("Pedro Reyes", end)]
