"""Account numbers, which subscribers read out, and the secret address of their payment page."""

from __future__ import annotations

import threading

import pytest
from contracts import account_number
from contracts.common import InvalidInput, NotFound
from contracts.subscriber import ChangeSubscriber, CreateSubscriber, RenewPaymentPage, SubscriberQuery
from contracts.subscriber import Subscriber as SubscriberApi
from subscriber_svc.service import SubscriberService
from testkit.component import client_of

from .conftest import KnownRouters

AT_ONCE = 4
EACH = 5


def number_of(number: int) -> str:
    return account_number.formatted(account_number.complete(number))


def found(subscribers, text: str) -> list[str]:
    return [
        view.full_name for view in subscribers.api.list_subscribers(SubscriberQuery(text), 50, None).items
    ]


def test_subscribers_are_numbered_in_the_order_they_are_added(subscribers):
    created = [subscribers.subscriber(f"Juan {number}", f"juan.{number}") for number in range(3)]
    assert [one.account_number for one in created] == ["10-0001-5", "10-0002-8", "10-0003-1"]
    assert subscribers.api.get_subscriber(created[0].id) == created[0]
    assert (
        subscribers.api.create_subscriber(CreateSubscriber(full_name="Maria")).account_number == "10-0004-4"
    )


def test_refused_subscriber_takes_no_account_number(subscribers):
    subscribers.subscriber()
    with pytest.raises(InvalidInput):
        subscribers.subscriber("Juana", "juan.delacruz")
    assert subscribers.subscriber("Maria Santos", "maria").account_number == "10-0002-8"


def test_simultaneous_subscribers_get_different_account_numbers(subscribers):
    """From several replicas, each with threads of its own."""
    names, failures = [], []

    def create(replica: int) -> None:
        try:
            runtime = subscribers.tested.another().runtime
            api = client_of(SubscriberApi, SubscriberService, runtime, router=KnownRouters())
            for number in range(EACH):
                service = subscribers.new_service(f"juan.{replica}.{number}")
                made = api.create_subscriber(CreateSubscriber(full_name="Juan", service=service))
                names.append(made.account_number)
            runtime.database.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=create, args=(replica,)) for replica in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    first = account_number.FIRST
    assert sorted(names) == sorted(map(number_of, range(first, first + AT_ONCE * EACH)))


@pytest.mark.parametrize("text", ["10-0002-8", "1000028", "10 0002 8", "10 0002", "10-00028"])
def test_search_finds_the_account_number_that_was_read_out(subscribers, text):
    subscribers.subscriber("Juan dela Cruz", "juan")
    subscribers.subscriber("Maria Santos", "maria")
    assert found(subscribers, text) == ["Maria Santos"]


@pytest.mark.parametrize("text", ["10-0002-7", "10-0020-8", "01-0002-8"])
def test_search_finds_nobody_by_a_mistyped_account_number(subscribers, text):
    subscribers.subscriber("Juan dela Cruz", "juan")
    subscribers.subscriber("Maria Santos", "maria")
    assert found(subscribers, text) == []


def test_search_does_not_find_the_secret_of_a_payment_page(subscribers):
    juan = subscribers.subscriber()
    assert found(subscribers, juan.short_id) == found(subscribers, juan.short_id[:6]) == []


def test_renewed_payment_page_has_another_address(subscribers):
    juan = subscribers.subscriber()
    subscribers.new_events()
    command = RenewPaymentPage(subscriber_id=juan.id, idempotency_key="click", actor="ana")

    renewed = subscribers.api.renew_payment_page(command)

    assert subscribers.api.find_subscriber_by_short_id(juan.short_id) is None
    assert subscribers.api.find_subscriber_by_short_id(renewed.short_id) == renewed
    assert len(renewed.short_id) == len(juan.short_id)
    assert (renewed.account_number, renewed.full_name) == (juan.account_number, juan.full_name)
    assert subscribers.api.renew_payment_page(command) == renewed  # the same click
    again = RenewPaymentPage(subscriber_id=juan.id, idempotency_key="another", actor="ana")
    assert subscribers.api.renew_payment_page(again).short_id != renewed.short_id
    assert subscribers.new_events() == []


def test_renewing_the_page_of_nobody_is_not_found(subscribers):
    with pytest.raises(NotFound):
        subscribers.api.renew_payment_page(RenewPaymentPage(subscriber_id="none"))


def test_open_form_survives_a_renewed_payment_page(subscribers):
    juan = subscribers.subscriber()
    subscribers.api.renew_payment_page(RenewPaymentPage(subscriber_id=juan.id))
    change = ChangeSubscriber(subscriber_id=juan.id, notes="Gate 2", version=juan.edit.version)
    assert subscribers.api.change_subscriber(change).notes == "Gate 2"
