"""The accounts that collections will suspend, by the same rule as the run."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from billing_svc.queries import suspensions
from contracts.common import InvalidInput
from contracts.money import Money
from contracts.receivables import CollectionsAction, SuspensionDue, SuspensionsDue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from testkit.soak import examples

BILLED_ON = date(2026, 12, 1)


def suspensions_due(billing, until: date, limit: int = 200, after: str | None = None) -> SuspensionsDue:
    with billing.runtime.reading() as session:
        return suspensions.list_suspensions_due(
            session, until, limit, after, now=billing.runtime.now(), zone=billing.runtime.settings.time_zone
        )


def names(due: SuspensionsDue) -> list[str]:
    return [item.subscriber_name for item in due.page.items]


def assert_agrees_with_a_dry_run(billing, until: date) -> None:
    due = suspensions_due(billing, until)
    run = billing.collect(until, dry_run=True)
    suspended = {
        item.subscriber_id: item.overdue for item in run.items if item.action is CollectionsAction.SUSPENDED
    }
    assert {item.subscriber_id: item.overdue for item in due.page.items} == suspended
    assert (due.count, due.overdue) == (len(suspended), sum(suspended.values(), Money(0)))
    for item in due.page.items:
        on_the_day = billing.collect(item.suspend_on, dry_run=True).items
        assert (item.subscriber_id, CollectionsAction.SUSPENDED) in {
            (judged.subscriber_id, judged.action) for judged in on_the_day
        }
        if item.suspend_on > billing.today:
            day_before = billing.collect(item.suspend_on - timedelta(days=1), dry_run=True).items
            assert (item.subscriber_id, CollectionsAction.SUSPENDED) not in {
                (judged.subscriber_id, judged.action) for judged in day_before
            }


def test_suspension_due_shows_its_day_and_overdue_amount(billing):
    billing.move_to(BILLED_ON)
    pedro = billing.subscriber("Pedro Reyes")
    billing.bill()
    due_on = billing.invoice(pedro).due_on
    until = due_on + timedelta(days=5)
    assert suspensions_due(billing, until - timedelta(days=1)).count == 0
    due = suspensions_due(billing, until)
    assert (due.until, due.auto_suspend, due.count, due.overdue) == (until, True, 1, Money(150_000))
    assert due.page.items == [
        SuspensionDue(
            subscriber_id=pedro,
            subscriber_name="Pedro Reyes",
            overdue=Money(150_000),
            oldest_due_on=due_on,
            suspend_on=until,
        )
    ]
    billing.move_to(until + timedelta(days=3))
    (late,) = suspensions_due(billing, billing.today).page.items
    assert late.suspend_on == billing.today  # that day has passed without a run, so the next run is today's


def test_paid_and_suspended_accounts_are_not_due_for_suspension(billing):
    billing.move_to(BILLED_ON)
    paid, partly, ahead, late = (billing.subscriber(name) for name in ("Paid", "Partly", "Ahead", "Late"))
    billing.pay(ahead, 200_000)
    billing.bill()
    billing.pay(paid, 150_000)
    billing.pay(partly, 149_999)
    until = billing.invoice(late).due_on + timedelta(days=5)
    due = suspensions_due(billing, until)
    assert sorted(names(due)) == ["Late", "Partly"]
    assert due.overdue == Money(150_001)

    billing.move_to(until)
    billing.pay(partly, 1)
    assert names(suspensions_due(billing, until)) == ["Late"]
    billing.collect()
    assert suspensions_due(billing, until).count == 0


def test_suspended_account_is_due_again_for_its_second_invoice(billing):
    billing.move_to(BILLED_ON)
    pedro = billing.subscriber("Pedro")
    billing.overdue_since(pedro)
    billing.collect()
    billing.move_to(date(2027, 1, 1))
    billing.bill()
    until = billing.invoices(pedro)[-1].due_on + timedelta(days=5)
    (again,) = suspensions_due(billing, until).page.items
    assert (again.overdue, again.suspend_on) == (Money(300_000), until)
    assert again.oldest_due_on == billing.invoices(pedro)[0].due_on
    assert_agrees_with_a_dry_run(billing, until)


def test_invoice_due_on_the_day_is_not_counted_as_overdue(billing):
    billing.set(grace_period_days=30)
    billing.move_to(BILLED_ON + timedelta(days=1))
    pedro = billing.subscriber("Pedro")
    billing.bill()
    billing.move_to(date(2027, 1, 1))
    billing.bill()
    until = billing.invoices(pedro)[-1].due_on
    (due,) = suspensions_due(billing, until).page.items
    assert (due.overdue, due.suspend_on) == (Money(150_000), until)
    assert_agrees_with_a_dry_run(billing, until)


def test_without_auto_suspend_no_suspension_is_due(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro)
    billing.set(auto_suspend=False)
    due = suspensions_due(billing, invoice.due_on + timedelta(days=30))
    assert (due.auto_suspend, due.count, due.overdue, due.page.items) == (False, 0, Money(0), [])


def test_account_with_one_of_two_services_exempted_is_due_as_in_a_dry_run(billing):
    pedro = billing.subscriber("Pedro Reyes", billing.fiber, billing.fiber)
    billing.overdue_since(pedro)
    first, second = billing.services[pedro]
    began = billing.exempt(first, billing.runtime.now() + timedelta(days=3))
    (due,) = suspensions_due(billing, billing.today).page.items
    assert (due.suspend_on, due.exempted_until, due.overdue) == (billing.today, None, Money(300_000))
    assert_agrees_with_a_dry_run(billing, billing.today)

    billing.exempt(second, billing.runtime.now() + timedelta(days=2))
    assert names(suspensions_due(billing, billing.today)) == []
    assert_agrees_with_a_dry_run(billing, billing.today)
    (due,) = suspensions_due(billing, billing.today + timedelta(days=2)).page.items
    assert due.suspend_on == billing.today + timedelta(days=2)

    billing.end_exemption(began)
    assert names(suspensions_due(billing, billing.today)) == ["Pedro Reyes"]
    billing.collect()
    assert names(suspensions_due(billing, billing.today)) == []
    assert_agrees_with_a_dry_run(billing, billing.today)


def test_exempted_account_is_due_when_another_service_is_overdue_too(billing):
    billing.move_to(BILLED_ON)
    pedro = billing.subscriber("Pedro Reyes")
    billing.bill()
    first_due = billing.invoice(pedro).due_on
    billing.move_to(billing.today + timedelta(days=3))
    other = billing.service(pedro)
    billing.bill(subscriber_id=pedro)
    later = billing.invoices(pedro)[-1].due_on
    billing.move_to(first_due + timedelta(days=6))
    billing.exempt(billing.services[pedro][0], billing.runtime.now() + timedelta(days=9))
    until = later + timedelta(days=5)
    (due,) = suspensions_due(billing, until).page.items
    assert other.id in {line.service_id for line in billing.invoices(pedro)[-1].lines}
    assert (due.suspend_on, due.exempted_until) == (until, None)
    assert_agrees_with_a_dry_run(billing, until)


def test_void_invoice_suspends_no_one(billing):
    pedro = billing.subscriber()
    invoice = billing.overdue_since(pedro)
    billing.void(invoice.id)
    assert suspensions_due(billing, billing.today).count == 0


def test_suspensions_are_listed_by_their_day(billing):
    billing.move_to(date(2026, 12, 20))
    late = [billing.subscriber(f"late {number}") for number in range(3)]
    billing.bill()
    billing.move_to(date(2027, 1, 1))
    billing.bill()
    early = [billing.subscriber(f"new {number}") for number in range(2)]
    billing.bill()
    for subscriber_id in late[:1]:
        billing.pay(subscriber_id, 150_000)
    until = date(2027, 3, 1)
    seen, after = [], None
    while True:
        due = suspensions_due(billing, until, limit=2, after=after)
        assert due.count == 5
        seen += due.page.items
        after = due.page.next
        if after is None:
            break
    assert [item.suspend_on for item in seen] == sorted(item.suspend_on for item in seen)
    assert {item.subscriber_id for item in seen} == {*late, *early}
    assert {item.subscriber_id for item in seen[:2]} == set(late[1:])


@pytest.mark.parametrize("days", [-1, 367])
def test_day_in_the_past_or_far_future_is_refused(billing, days):
    with pytest.raises(InvalidInput) as refused:
        suspensions_due(billing, billing.today + timedelta(days=days))
    assert [wrong.field for wrong in refused.value.errors] == ["until"]


MONTHS = (date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1))
LAST_DUE_ON = date(2027, 2, 16)
ACCOUNTS = st.lists(
    st.tuples(
        st.integers(1, 3),  # invoices so far
        st.sampled_from([0, 0, 1, 150_000, 299_999, 450_000]),  # paid after the collections run
        st.booleans(),  # the latest invoice is void
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    accounts=ACCOUNTS,
    grace=st.sampled_from([0, 1, 5, 20, 30]),
    collected=st.none() | st.integers(-15, 10),  # days after the last due date
    until=st.sampled_from([-10, -1, 0, 1, 2, 4, 5, 20, 30]),  # days after the last due date
    ahead=st.integers(0, 12),
    auto=st.sampled_from([True, True, True, False]),
)
def test_suspensions_due_agree_with_a_dry_run(
    tested, make_billing, accounts, grace, collected, until, ahead, auto
):
    tested.start_over()
    billing = make_billing(tested)
    billing.set(grace_period_days=grace)
    people: dict[int, str] = {}
    for billed, month in zip((3, 2, 1), MONTHS, strict=True):
        billing.move_to(month)
        people |= {
            place: billing.subscriber(f"subscriber {place}")
            for place, (invoices, _, _) in enumerate(accounts)
            if invoices == billed
        }
        billing.bill()
    last_day = LAST_DUE_ON + timedelta(days=until)
    billing.move_to(max(MONTHS[-1], last_day - timedelta(days=ahead)))
    if collected is not None:
        billing.collect(LAST_DUE_ON + timedelta(days=collected))
    for place, (_, paid, void) in enumerate(accounts):
        if void:
            billing.void(billing.invoices(people[place])[-1].id)
        if paid:
            billing.pay(people[place], paid)
    billing.set(auto_suspend=auto)
    assert_agrees_with_a_dry_run(billing, last_day)
