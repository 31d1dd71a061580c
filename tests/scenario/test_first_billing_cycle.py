"""The tutorial "Your First Billing Cycle", step by step, with real RADIUS packets."""

from __future__ import annotations

from datetime import timedelta

from simulators.nas import Method

from tests.support.checks import (
    assert_books_agree,
    assert_fenced,
    assert_invoice,
    assert_line_events,
    assert_reconnected,
    assert_up,
    run_item,
)
from tests.support.isp import PLAN_RATE, MakeIsp


def test_first_billing_cycle(make_isp: MakeIsp) -> None:
    # Step 1: connect your MikroTik router. Step 2: create a billing plan.
    isp = make_isp(identity="Main Router - Brgy. San Jose", plan_name="Fiber 50 Mbps")
    deployment = isp.deployment
    assert isp.router["name"] == "Main Router - Brgy. San Jose"
    assert isp.plan["price"] == {"amount": 150_000, "currency": "PHP"}
    today = deployment.begin_month()

    # Step 3: add three subscribers. Each is immediately provisioned: the first dial gets in.
    juan = isp.connect("Juan dela Cruz", username="juan.delacruz", method=Method.MSCHAP2)
    maria = isp.connect("Maria Santos", username="maria.santos", method=Method.CHAP)
    pedro = isp.connect("Pedro Reyes", username="pedro.reyes", method=Method.PAP)
    for household in (juan, maria, pedro):
        assert household.service()["provisioned"]
        assert household.session.rate_limit == PLAN_RATE
        assert household.session.address_list is None

    # Step 4: Generate Invoices. One per active subscriber, Sent, due 15 days from now.
    run = deployment.generate_invoices()
    for household in (juan, maria, pedro):
        assert run_item(run, household)["outcome"] == "created"
        invoice = household.invoice()
        assert_invoice(invoice, total=150_000, status="sent", collection_status="pending")
        assert invoice["due_on"] == (today + timedelta(days=15)).isoformat()

    # Step 5: process a payment. The invoice status changes from Sent to Paid.
    payment = juan.pay(
        150_000, invoice_id=juan.invoice()["id"], method="gcash", reference="GCash-20260408-001"
    )
    assert [part["amount"]["amount"] for part in payment["allocations"]] == [150_000]
    assert_invoice(juan.invoice(), total=150_000, paid=150_000, status="paid")
    assert juan.balance() == 0

    # An admin suspension is separate from an overdue one.
    maria.hold("admin", note="copper theft, ask the manager")
    assert_fenced(maria, reasons={"admin"})

    # Step 6: watch auto-reconnect. Pedro does not pay by the due date: he is overdue, but still online.
    deployment.advance(days=19)
    assert_invoice(pedro.invoice(), total=150_000, status="overdue", collection_status="pending")
    assert_up(pedro)
    online_before = pedro.session

    # After the configured overdue window, he is suspended automatically and his live session ends.
    deployment.api.put("/clock", advance_days=1)
    assert_fenced(pedro, reasons={"overdue"})
    assert online_before.ended_by == "Admin-Reset"
    assert_invoice(pedro.invoice(), total=150_000, status="overdue", collection_status="suspended")
    assert_fenced(maria, reasons={"admin", "overdue"})
    assert_up(juan)
    fenced_session = pedro.session
    pedro.wait_known_online()

    # Pedro pays; he is restored automatically, with his plan's speed.
    pedro.pay(150_000, method="gcash", reference="GCash-20260408-002")
    assert_up(pedro)
    assert fenced_session.ended_by == "Admin-Reset"
    assert_invoice(pedro.invoice(), total=150_000, paid=150_000, status="paid", collection_status="restored")
    case = pedro.wait_reconnected()
    assert_reconnected(case)
    assert case["how"] == "redial"

    # Maria pays too, but only the overdue hold is released: she stays fenced until an operator releases her.
    maria.wait_known_online()
    fenced_session = maria.session
    maria.pay(150_000, method="cash")
    assert_invoice(maria.invoice(), total=150_000, paid=150_000, status="paid")
    assert_fenced(maria, reasons={"admin"})
    assert maria.session is fenced_session
    (hold,) = maria.service()["holds"]
    maria.release(hold)
    assert_up(maria)

    # What happened on each line, and nothing else.
    suspended = ["disconnect acked", "offline Admin-Reset", "online"]
    restored = suspended
    assert_line_events(juan, ["online"])
    assert_line_events(pedro, ["online", *suspended, *restored])
    assert_line_events(maria, ["online", *suspended, *restored])
    assert_books_agree(juan)
