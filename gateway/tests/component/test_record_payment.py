"""Record Payment: what an amount pays is said before and after it is recorded."""

import re

import pytest


@pytest.fixture
def path(subscriber):
    return f"/subscribers/{subscriber['id']}/record-payment"


def preview(browser, subscriber, **arguments):
    page = browser.client.get(f"/subscribers/{subscriber['id']}/payment-preview", query_string=arguments)
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", "", page.text).split())


def test_preview_says_what_the_amount_pays_and_what_becomes_credit(browser, subscriber, invoice_id):
    assert preview(browser, subscriber, amount="700") == (
        "Pays ₱700.00 of INV-000001; ₱800.00 is left to pay."
    )
    assert preview(browser, subscriber, amount="1,500") == "Pays INV-000001 in full."
    assert preview(browser, subscriber, amount="2000", invoice=invoice_id) == (
        "Pays INV-000001 in full. ₱500.00 becomes credit."
    )


def test_preview_of_an_advance_says_that_nothing_is_owed(browser, subscriber):
    assert preview(browser, subscriber, amount="1500") == (
        "₱1,500.00 becomes credit, because nothing is owed."
    )


@pytest.mark.parametrize("amount", ["", "0", "abc", "-5", "9" * 30])
def test_preview_of_something_else_is_empty(browser, subscriber, invoice_id, amount):
    assert preview(browser, subscriber, amount=amount) == ""


def test_preview_is_left_out_while_billing_is_down(browser, world, subscriber, invoice_id):
    world.down.add("billing")
    assert preview(browser, subscriber, amount="1500") == ""


def test_form_opens_with_the_balance_ready_to_be_replaced(browser, path, invoice_id):
    page = browser.get(path).text
    assert re.search(r'name="amount"[^>]* value="1500.00" data-select', page)
    assert "Pays INV-000001 in full." in page


def test_message_says_what_the_payment_paid_and_links_to_it(browser, world, path, invoice_id):
    browser.post(path, {"amount": "2000", "method": "cash"})
    (payment,) = world.payments
    page = browser.get("/payments").text
    assert "It paid ₱1,500.00 of INV-000001, and ₱500.00 became credit." in page
    assert f'<a href="/payments/{payment}">View payment</a>' in page


def test_warning_of_a_used_reference_links_to_that_payment(browser, world, path, invoice_id):
    browser.post(path, {"amount": "700", "method": "gcash", "reference": "G-1"})
    (payment,) = world.payments
    asked = browser.post(path, {"amount": "800", "method": "gcash", "reference": "G-1"})
    assert asked.status_code == 422
    assert f'<a href="/payments/{payment}" target="_blank">View payment</a>' in asked.text
    assert "Record anyway" in asked.text
    assert len(world.payments) == 1


def test_receipt_acknowledges_the_payment(browser, world, path, invoice_id):
    browser.post(path, {"amount": "2000", "method": "cash"})
    (payment,) = world.payments
    page = browser.get(f"/payments/{payment}/receipt").text
    for words in ("₱2,000.00", "Pedro Reyes", "₱1,500.00 of invoice INV-000001", "₱500.00 of credit"):
        assert words in page
    assert "owner@example.com" in page


def test_receipt_of_a_reversed_payment_says_it_is_not_valid(browser, world, path, invoice_id):
    browser.post(path, {"amount": "1500", "method": "cash"})
    (payment,) = world.payments
    browser.post(f"/payments/{payment}/reverse", {"reason": "recorded twice"})
    assert "It is no longer valid" in browser.get(f"/payments/{payment}/receipt").text
