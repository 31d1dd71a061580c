"""Invoices, payments and credit, and their effect on the service."""

from __future__ import annotations

from datetime import timedelta

from tests.support.checks import (
    assert_books_agree,
    assert_fenced,
    assert_invoice,
    assert_refused,
    assert_up,
    run_item,
)
from tests.support.isp import PLAN_RATE, PRICE, Isp


def test_generating_invoices_twice_bills_once(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.deployment.generate_invoices()

    again = isp.deployment.generate_invoices()

    number = juan.invoice()["number"]
    item = run_item(again, juan)
    assert (item["outcome"], item["reason"]) == ("skipped", f"already invoiced for this period: {number}")
    assert (again["created"], again["failed"], again["skipped"]) == (0, 0, again["total"])


def test_dry_run_creates_nothing(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)

    preview = isp.deployment.generate_invoices(dry_run=True)

    item = run_item(preview, juan)
    assert (item["outcome"], item["invoice_id"], item["amount"]["amount"]) == ("created", None, PRICE)
    assert juan.invoices() == []


def test_run_for_a_month_before_the_service_began_says_why(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    last_month = isp.deployment.today().replace(day=1) - timedelta(days=1)

    run = isp.deployment.generate_invoices(date=last_month.isoformat())

    item = run_item(run, juan)
    assert (item["outcome"], item["reason"]) == ("skipped", "the service starts after this period")
    assert juan.invoices() == []


def test_individual_price_and_discount_are_kept_on_the_invoice(isp: Isp) -> None:
    terms = {"individual_price": 120_000, "discount": {"kind": "percent", "value": 10}}
    juan = isp.connect("Juan dela Cruz", online=False, **terms)
    isp.deployment.generate_invoices()

    juan.change(individual_price=None, discount=None)

    invoice = isp.api.get(f"/invoices/{juan.invoice()['id']}")
    (line,) = invoice["lines"]
    assert_invoice(invoice, total=108_000, status="sent")
    assert line["price"]["amount"] == 120_000
    assert line["price_source"] == "individual"
    assert line["discount_amount"]["amount"] == 12_000


def test_overpayment_is_credit_that_pays_the_next_invoice(isp: Isp) -> None:
    isp.deployment.begin_month()
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.deployment.generate_invoices()

    juan.pay(PRICE * 2, method="cash")
    assert juan.account()["credit"]["amount"] == PRICE
    assert juan.balance() == -PRICE
    isp.deployment.begin_month()

    first, second = juan.invoices()
    assert_invoice(first, total=PRICE, paid=PRICE, status="paid")
    assert_invoice(second, total=PRICE, paid=PRICE, status="paid")
    assert juan.balance() == 0
    assert_books_agree(juan)


def test_partial_payment_does_not_restore_the_service(isp: Isp) -> None:
    pedro = isp.connect("Pedro Reyes")
    isp.let_fall_overdue(pedro)
    assert_fenced(pedro, reasons={"overdue"})

    pedro.pay(PRICE - 1)
    assert_fenced(pedro, reasons={"overdue"})
    assert pedro.invoices()[0]["balance"]["amount"] == 1

    pedro.pay(1)
    assert_up(pedro)


def test_invoice_with_a_partial_payment_is_partially_paid(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.deployment.generate_invoices()

    juan.pay(50_000)

    assert_invoice(juan.invoice(), total=PRICE, paid=50_000, status="partially_paid")


def test_admin_hold_survives_payment(isp: Isp) -> None:
    maria = isp.connect("Maria Santos")
    maria.hold("admin")
    isp.let_fall_overdue(maria)
    assert_fenced(maria, reasons={"admin", "overdue"})

    maria.pay(maria.balance())

    assert_fenced(maria, reasons={"admin"})
    assert maria.reconnects() == []


def test_restored_service_is_fenced_again_after_its_time_unless_paid(isp: Isp) -> None:
    isp.deployment.begin_month()
    pedro = isp.connect("Pedro Reyes")
    isp.let_fall_overdue(pedro)
    assert_fenced(pedro, reasons={"overdue"})

    isp.api.post(f"/services/{pedro.service_id}/restore", {"note": "pays on Friday"})
    pedro.wait_status("active", reasons={"overdue"})
    pedro.wait_rate(PLAN_RATE)
    invoice = f"/invoices/{pedro.invoice()['id']}"
    (exemption,) = isp.api.get(invoice)["exemptions"]
    run = isp.api.post("/collections-runs", {})
    assert {item["action"] for item in run["items"] if item["subscriber_id"] == pedro.id} == {"exempted"}

    isp.deployment.advance(days=3)
    assert_fenced(pedro, reasons={"overdue"})
    (ended,) = isp.api.get(invoice)["exemptions"]
    assert ended["author"] == exemption["author"]
    assert ended["ended_at"] is not None

    pedro.pay()
    assert_up(pedro)
    assert_books_agree(pedro)


def test_voiding_the_overdue_invoice_restores_the_service(isp: Isp) -> None:
    isp.deployment.begin_month()
    pedro = isp.connect("Pedro Reyes")
    isp.let_fall_overdue(pedro)
    assert_fenced(pedro, reasons={"overdue"})

    voided = isp.api.post(f"/invoices/{pedro.invoice()['id']}/void", {"reason": "billed by mistake"})

    assert voided["status"] == "void"
    assert_up(pedro)
    assert pedro.balance() == 0
    assert_books_agree(pedro)


def test_payment_on_a_voided_invoice_becomes_credit(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.deployment.generate_invoices()
    juan.pay(50_000)

    isp.api.post(f"/invoices/{juan.invoice()['id']}/void", {"reason": "wrong plan"})

    assert juan.account()["credit"]["amount"] == 50_000
    isp.deployment.generate_invoices(voided_too=True)
    assert_invoice(juan.invoices()[1], total=PRICE, paid=50_000, status="partially_paid")


def test_paid_invoice_cannot_be_voided(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.deployment.generate_invoices()
    juan.pay()

    with assert_refused(409, None, "is paid"):
        isp.api.post(f"/invoices/{juan.invoice()['id']}/void", {"reason": "oops"})


def test_payment_for_a_void_invoice_is_refused(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.deployment.generate_invoices()
    invoice = juan.invoice()
    isp.api.post(f"/invoices/{invoice['id']}/void", {"reason": "wrong plan"})

    with assert_refused(422, "invoice_id", "is void; record the payment for the subscriber instead"):
        juan.pay(invoice_id=invoice["id"])

    assert juan.payments() == []


def test_payment_for_another_subscribers_invoice_is_refused(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    pedro = isp.connect("Pedro Reyes", online=False)
    isp.deployment.generate_invoices()

    with assert_refused(422, "invoice_id", "belongs to another subscriber"):
        juan.pay(invoice_id=pedro.invoice()["id"])


def test_second_payment_with_a_reference_needs_confirmation(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    pedro = isp.connect("Pedro Reyes", online=False)
    reference = f"GCash-{juan.username}"

    first = juan.pay(reference=reference)
    with assert_refused(422, None, "was used before"):
        pedro.pay(reference=reference)
    second = pedro.pay(reference=reference, confirm=["reference_used"])

    assert first["same_reference"] == []
    assert second["same_reference"] == [first["id"]]


def test_payment_repeated_with_its_key_is_one_payment(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    content = {"subscriber_id": juan.id, "amount": PRICE, "method": "gcash"}

    first = isp.api.post("/payments", content, key=f"pay-{juan.username}")
    again = isp.api.post("/payments", content, key=f"pay-{juan.username}")

    assert again == first
    assert len(juan.payments()) == 1
    with assert_refused(422, None, "was already used for a different request"):
        isp.api.post("/payments", content | {"amount": 1}, key=f"pay-{juan.username}")


def test_invalid_amount_is_refused_at_its_field(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    for amount in (0, -150_000, 1500.001, "1500.001", "+1500", None):
        with assert_refused(422, "amount", ""):
            juan.pay(amount)  # type: ignore[arg-type]
    assert juan.payments() == []


def test_only_the_service_with_the_overdue_invoice_is_suspended(isp: Isp) -> None:
    isp.deployment.begin_month()
    pedro = isp.connect("Pedro Reyes")
    isp.deployment.generate_invoices()
    isp.deployment.advance(days=10)
    second = isp.api.post(
        f"/subscribers/{pedro.id}/services",
        {
            "pppoe_username": f"{pedro.username}.shop",
            "pppoe_password": "pppoe-pass-02",
            "plan_id": isp.plan["id"],
            "router_id": isp.router["id"],
        },
    )
    isp.deployment.generate_invoices()

    isp.deployment.advance(days=10)

    assert_fenced(pedro, reasons={"overdue"})
    assert isp.api.get(f"/services/{second['id']}")["status"] == "active"
    assert len(pedro.invoices()) == 2


def test_price_change_applies_to_later_invoices(isp: Isp) -> None:
    isp.deployment.begin_month()
    juan = isp.connect("Juan dela Cruz", online=False)
    isp.deployment.generate_invoices()

    isp.api.patch(f"/plans/{isp.plan['id']}", price=175_000)
    isp.deployment.begin_month()

    assert [invoice["total"]["amount"] for invoice in juan.invoices()] == [150_000, 175_000]
