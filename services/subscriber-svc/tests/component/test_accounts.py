"""Lists filtered and sorted by what subscribers owe, and by area."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from contracts.common import InvalidInput
from contracts.money import Money
from contracts.subscriber import ChangeSubscriber, CreateSubscriber, SubscriberView
from contracts.subscriber_lists import MoneyState, SubscriberOrder, SubscriberQuery


def add(subscribers, name: str, **fields: Any) -> SubscriberView:
    return subscribers.api.create_subscriber(CreateSubscriber(full_name=name, **fields))


def names(subscribers, **query: Any) -> list[str]:
    return [
        view.full_name for view in subscribers.api.list_subscribers(SubscriberQuery(**query), 50, None).items
    ]


@pytest.fixture
def people(subscribers) -> dict[str, SubscriberView]:
    """Juan owes nothing, Pedro is overdue, Maria owes something due today, and Ana has credit."""
    today = subscribers.runtime.today()
    found = {name: add(subscribers, name) for name in ("Juan", "Pedro", "Maria", "Ana")}
    subscribers.owes(
        (found["Pedro"].id, 150_000, today - timedelta(days=1)),
        (found["Maria"].id, 200_000, today),
        (found["Ana"].id, -50_000, None),
    )
    return found


def test_subscriber_shows_what_they_owe(subscribers, people):
    shown = subscribers.api.get_subscriber(people["Pedro"].id)
    assert shown.balance == Money(150_000)
    assert shown.oldest_due_on == subscribers.runtime.today() - timedelta(days=1)
    juan = subscribers.api.get_subscriber(people["Juan"].id)
    assert (juan.balance, juan.oldest_due_on) == (Money(0), None)


def test_subscribers_are_filtered_by_money(subscribers, people):
    assert set(names(subscribers, money=MoneyState.OWING)) == {"Pedro", "Maria"}
    assert names(subscribers, money=MoneyState.OVERDUE) == ["Pedro"]
    assert names(subscribers, money=MoneyState.CREDIT) == ["Ana"]
    subscribers.tested.clock.advance(days=1)
    assert set(names(subscribers, money=MoneyState.OVERDUE)) == {"Pedro", "Maria"}


def test_subscribers_are_sorted_by_balance_and_by_due_date(subscribers, people):
    by_balance = ["Ana", "Juan", "Pedro", "Maria"]
    assert names(subscribers, order=SubscriberOrder.BALANCE) == by_balance
    assert names(subscribers, order=SubscriberOrder.BALANCE_DESCENDING) == by_balance[::-1]
    assert names(subscribers, order=SubscriberOrder.OLDEST_DUE)[:2] == ["Pedro", "Maria"]


def test_late_and_repeated_events_about_accounts_change_nothing(subscribers, people):
    juan, pedro = people["Juan"].id, people["Pedro"].id
    due_on = date(2026, 12, 1)
    subscribers.owes((juan, 2, due_on), sequence=5)
    subscribers.owes((juan, 1, None), (pedro, 3, due_on), sequence=4)
    subscribers.owes((juan, 2, due_on), sequence=5)
    shown = [subscribers.api.get_subscriber(id_) for id_ in (juan, pedro)]
    assert [view.balance for view in shown] == [Money(2), Money(3)]
    assert shown[0].oldest_due_on == due_on


def test_account_of_an_unknown_subscriber_is_ignored(subscribers, people):
    subscribers.owes(("nobody", 1, None), sequence=9)
    subscribers.owes(sequence=9)
    assert len(names(subscribers)) == 4


def test_what_is_owed_is_no_edit_of_the_subscriber(subscribers, people):
    shown = subscribers.api.get_subscriber(people["Pedro"].id)
    assert shown.edit == people["Pedro"].edit
    assert [event for event in subscribers.new_events() if "Pedro" in str(event)][1:] == []


def test_balances_are_counted_and_summed_over_all_pages(subscribers, people):
    query = SubscriberQuery(money=MoneyState.OWING, order=SubscriberOrder.BALANCE_DESCENDING)
    first = subscribers.api.list_balances(query, 1, None)
    assert (first.subscribers, first.balance) == (2, Money(350_000))
    second = subscribers.api.list_balances(query, 1, first.page.next)
    assert [view.full_name for view in first.page.items + second.page.items] == ["Maria", "Pedro"]
    assert (second.subscribers, second.balance, second.page.next) == (2, Money(350_000), None)
    nobody = subscribers.api.list_balances(SubscriberQuery(text="nobody"), 1, None)
    assert (nobody.subscribers, nobody.balance, nobody.page.items) == (0, Money(0), [])


def test_area_is_searched_and_filtered_without_case_accents_and_extra_spaces(subscribers):
    juan = add(subscribers, "Juan", area="  Brgy. San  José ")
    add(subscribers, "Maria", area="brgy. san jose")
    add(subscribers, "Pedro", area="Poblacion")
    add(subscribers, "Ana")
    assert juan.area == "Brgy. San José"
    assert set(names(subscribers, area="BRGY. SAN JOSE")) == {"Juan", "Maria"}
    assert set(names(subscribers, text="san jos")) == {"Juan", "Maria"}
    assert names(subscribers, area="San") == []
    assert len(subscribers.api.list_areas()) == 2
    assert subscribers.api.list_areas()[1] == "Poblacion"

    changed = subscribers.api.change_subscriber(ChangeSubscriber(subscriber_id=juan.id, area="Poblacion"))
    assert (changed.area, changed.edit.version) == ("Poblacion", 2)
    assert set(names(subscribers, area="poblacion")) == {"Juan", "Pedro"}
    cleared = subscribers.api.change_subscriber(ChangeSubscriber(subscriber_id=juan.id, area=""))
    assert cleared.area == ""
    assert names(subscribers, area="poblacion") == ["Pedro"]


def test_too_long_area_is_refused(subscribers):
    with pytest.raises(InvalidInput) as refused:
        add(subscribers, "Juan", area="x" * 61)
    assert [wrong.field for wrong in refused.value.errors] == ["area"]
