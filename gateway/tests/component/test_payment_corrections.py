"""A payment has a page, can be reversed, and can be moved to another subscriber."""

import pytest
from gateway.audit.events import EVENTS
from gateway.models import AuditEntry, Role
from sqlalchemy import select

REASON = {"reason": "recorded twice"}


@pytest.fixture
def payment(api, invoice_id, subscriber):
    body = {"subscriber_id": subscriber["id"], "amount": 200000, "method": "gcash", "reference": "G-1"}
    return api("POST", "/payments", body).json


@pytest.fixture
def maria(api):
    return api("POST", "/subscribers", {"full_name": "Maria Santos"}).json


def test_page_shows_what_a_payment_paid_and_what_is_credit(browser, payment):
    page = browser.get(f"/payments/{payment['id']}").text
    assert "Payment of ₱2,000.00" in page
    assert "INV-000001" in page
    assert 'Credit, applied to the next invoice</td><td class="number">₱500.00' in page


def test_reversal_needs_a_reason_and_opens_the_invoice(api, payment, invoice_id):
    refused = api("POST", f"/payments/{payment['id']}/reverse", {"reason": " "})
    assert [wrong["field"] for wrong in refused.json["errors"]] == ["reason"]

    answer = api("POST", f"/payments/{payment['id']}/reverse", REASON)
    assert answer.status_code == 200, answer.text
    assert answer.json["allocations"] == []
    reversal = answer.json["reversal"]
    assert (reversal["reason"], reversal["reversed_by"], reversal["moved_to"]) == (
        "recorded twice",
        "owner@example.com",
        None,
    )
    assert api("GET", f"/invoices/{invoice_id}").json["status"] == "sent"
    assert api("GET", f"/payments/{payment['id']}").json == answer.json


def test_reversing_again_is_a_conflict_but_a_repeat_is_not(api, payment):
    path, key = f"/payments/{payment['id']}/reverse", {"Idempotency_Key": "key-1"}
    first, again = (api("POST", path, REASON, **key) for _ in range(2))
    assert (first.status_code, again.json) == (200, first.json)
    assert api("POST", path, REASON).status_code == 409
    assert api("POST", f"/payments/{payment['id']}/move", REASON | {"subscriber_id": "x"}).status_code == 409


def test_moved_payment_is_linked_both_ways(api, browser, payment, maria):
    body = REASON | {"subscriber_id": maria["id"]}
    moved = api("POST", f"/payments/{payment['id']}/move", body)
    assert moved.status_code == 201, moved.text
    assert moved.json["moved_from"] == payment["id"]
    kept = ("amount", "method", "reference", "received_on")
    assert [moved.json[name] for name in kept] == [payment[name] for name in kept]
    old = api("GET", f"/payments/{payment['id']}").json
    assert old["reversal"]["moved_to"] == moved.json["id"]
    assert f"/payments/{moved.json['id']}" in browser.get(f"/payments/{payment['id']}").text
    assert f"/payments/{payment['id']}" in browser.get(f"/payments/{moved.json['id']}").text


def test_reversal_on_the_page_is_in_the_audit_log_and_on_the_timeline(browser, database, payment, subscriber):
    path = f"/payments/{payment['id']}/reverse"
    answer = browser.post(path, REASON)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/payments/{payment['id']}")
    page = browser.get(f"/payments/{payment['id']}").text
    assert "by owner@example.com: recorded twice" in page
    assert "Nothing. What this payment paid is owed again." in page
    assert "/reverse" not in page
    timeline = browser.get(f"/subscribers/{subscriber['id']}/timeline").text
    assert "Payment of ₱2,000.00 reversed" in timeline
    with database.reading() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (EVENTS[entry.event].words, entry.record_id) == ("Reversed a payment", payment["id"])


def test_move_form_finds_the_subscriber_who_paid(browser, world, payment, maria):
    path = f"/payments/{payment['id']}/move"
    asked = browser.post(path, REASON | {"q": "santos"})
    assert asked.status_code == 422
    assert "Choose the subscriber who paid" in asked.text
    assert maria["id"] in asked.text
    answer = browser.post(path, REASON | {"q": "santos", "subscriber_id": maria["id"]})
    moved = list(world.payments.values())[-1]
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/payments/{moved.id}")
    assert moved.subscriber_id == maria["id"]


def test_reversed_payment_is_shown_as_such_to_the_subscriber(app, api, payment, subscriber):
    api("POST", f"/payments/{payment['id']}/reverse", REASON)
    page = app.test_client().get(f"/c/{subscriber['short_id']}").text
    assert "<s>₱2,000.00</s>" in page
    assert "Reversed on 23 Nov 2026" in page
    assert "recorded twice" not in page


def test_staff_may_record_but_not_reverse(api_as, browser_as, payment):
    assert api_as(Role.STAFF)("POST", f"/payments/{payment['id']}/reverse", REASON).status_code == 403
    page = browser_as(Role.STAFF).get(f"/payments/{payment['id']}").text
    assert "/reverse" not in page


def test_lists_and_csv_mark_reversed_payments(browser, api, payment):
    api("POST", f"/payments/{payment['id']}/reverse", REASON)
    assert "Reversed" in browser.get("/payments").text
    assert "Reversed,recorded twice" in browser.get("/payments.csv").text
