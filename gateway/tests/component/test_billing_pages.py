"""Invoices, payments, billing runs and settings, by what a person types and reads."""

import re
from dataclasses import replace
from datetime import date

from contracts.billing import InvoiceStatus
from contracts.billing_runs import PeriodTotals, RunStatus
from contracts.billing_settings import DEFAULTS, SETTINGS
from contracts.common import BillingPeriod
from contracts.money import Money


def test_invoices_are_generated_after_a_preview(browser, subscriber, world):
    answer = browser.post("/billing/generate", {"preview": "1"}, seen_at="/billing/generate")
    preview = browser.get(answer.headers["Location"]).text
    assert "Nothing has been created" in preview
    assert world.invoices == {}
    answer = browser.post("/billing/generate")
    assert "Pedro Reyes" in browser.get(answer.headers["Location"]).text
    page = browser.get("/billing").text
    assert "₱1,500.00" in page
    assert "Sent" in page
    answer = browser.post("/billing/generate")
    assert "already invoiced for this period" in browser.get(answer.headers["Location"]).text


def test_running_billing_run_shows_progress_until_it_is_done(browser, world, subscriber):
    answer = browser.post("/billing/generate")
    path, billing = answer.headers["Location"], world.fakes["billing"][1]
    (run,) = billing.runs.values()
    billing.runs[run.id] = replace(run, status=RunStatus.RUNNING, total=10_000, created=4_800, skipped=96)
    working = browser.get(path).text
    assert "4,896 of 10,000" in working
    assert f'hx-get="{path}?" hx-trigger="every' in working
    billing.runs[run.id] = run
    finished = browser.get(path).text
    assert 'id="run">' in finished


def test_payment_on_an_invoice_makes_it_paid(browser, invoice_id, world):
    page = f"/invoices/{invoice_id}"
    assert 'value="1500.00"' in browser.get(f"{page}/payments").text
    form = {"amount": "1500", "method": "gcash", "reference": "GCash-20260408-001"}
    answer = browser.post(f"{page}/payments", form)
    assert answer.status_code == 303, answer.text
    assert "Paid" in browser.get(page).text
    assert world.invoices[invoice_id].status is InvoiceStatus.PAID
    assert "GCash-20260408-001" in browser.get("/payments").text
    assert "Pedro Reyes" in browser.get("/payments").text


def test_payment_without_an_invoice_belongs_to_the_subscriber(browser, subscriber, world):
    page = f"/subscribers/{subscriber['id']}"
    answer = browser.post(f"{page}/record-payment", {"amount": "200", "method": "cash"})
    assert answer.headers["Location"] == page
    (payment,) = world.payments.values()
    assert (payment.amount.minor, payment.invoice_id) == (20000, None)


def test_payment_for_a_void_invoice_leads_to_the_subscriber(browser, invoice_id, subscriber):
    page = f"/invoices/{invoice_id}"
    browser.post(f"{page}/void", {"reason": "a mistake"})
    answer = browser.get(f"{page}/payments")
    assert answer.headers["Location"] == f"/subscribers/{subscriber['id']}/record-payment"


def test_wrong_payment_is_explained_at_its_fields(browser, invoice_id):
    answer = browser.post(f"/invoices/{invoice_id}/payments", {"amount": "-5", "method": "gold"})
    assert answer.status_code == 422
    assert "This must be an amount" in answer.text
    assert "This must be one of cash, gcash, bank, other" in answer.text
    assert 'value="-5"' in answer.text


def test_invoice_that_cannot_be_voided_says_why(browser, invoice_id):
    page = f"/invoices/{invoice_id}"
    browser.post(f"{page}/payments", {"amount": "1500", "method": "cash"})
    answer = browser.post(f"{page}/void", {"reason": "a mistake"})
    assert answer.status_code == 422
    assert "is paid; a paid invoice is final" in answer.text


def test_settings_are_saved_and_a_wrong_one_is_named(browser, world):
    form = {name: str(getattr(DEFAULTS, name)) for name in SETTINGS if name != "auto_suspend"}
    assert browser.post("/settings/billing", form).status_code == 303
    assert world.commands("change_settings")[0].auto_suspend is False
    answer = browser.post("/settings/billing", {**form, "invoice_generation_day": "29"})
    assert answer.status_code == 422
    assert "must be between 1 and 28" in answer.text


# Mistakes


def test_month_far_ahead_has_to_be_typed(browser, subscriber, world):
    form = {"date": "2027-06-15"}
    asked = browser.post("/billing/generate", form)
    assert asked.status_code == 422
    assert "Type <strong>June 2027</strong>" in asked.text
    hidden = dict(re.findall(r'type="hidden" name="(confirm\w*)" value="([^"]*)"', asked.text))
    assert hidden["confirm"] == "future_month"
    for typed in ("", "yes", "July 2027"):
        assert (
            browser.post("/billing/generate", {**form, **hidden, "confirm_typed": typed}).status_code == 422
        )
    assert world.invoices == {}
    done = browser.post("/billing/generate", {**form, **hidden, "confirm_typed": " june  2027"})
    assert done.status_code == 303
    assert len(world.invoices) == 1


def test_run_is_voided_as_a_whole_while_nothing_in_it_is_paid(browser, subscriber, world):
    run = browser.post("/billing/generate").headers["Location"]
    assert "Void this run" in browser.get(run).text
    assert browser.post(f"{run}/void", {"reason": ""}).status_code == 422
    browser.post(f"{run}/void", {"reason": "wrong month"})
    page = browser.get(run).text
    assert "1 of the 1 invoices of this run is void" in page
    assert "Void this run" not in page
    assert [invoice.status for invoice in world.invoices.values()] == [InvoiceStatus.VOID]


def test_run_with_a_paid_invoice_says_why_it_is_not_voided(browser, invoice_id, world):
    (run_id,) = world.fakes["billing"][1].runs
    browser.post(f"/invoices/{invoice_id}/payments", {"amount": "1500", "method": "cash"})
    answer = browser.post(f"/billing/runs/{run_id}/void", {"reason": "wrong month"})
    assert answer.status_code == 422
    assert "has been paid since" in answer.text


def test_preview_of_a_past_month_generates_that_month(browser, subscriber, world):
    billing = world.fakes["billing"][1]
    preview = browser.post("/billing/generate", {"preview": "1"}).headers["Location"]
    (run,) = billing.runs.values()
    past = BillingPeriod(date(2026, 10, 1), date(2026, 11, 1))
    billing.runs[run.id] = replace(run, period=past)
    assert 'name="date" value="2026-10-01"' in browser.get(preview).text


def test_settings_page_says_what_the_next_run_bills_before_saving(browser):
    assert 'hx-get="/settings/billing/next-run"' in browser.get("/settings/billing").text
    part = browser.get("/settings/billing/next-run?invoice_generation_day=10").text
    assert "Next billing run: <strong>10 Dec 2026</strong>" in part
    assert "It also bills November 2026, which has had no automatic run." in part
    for wrong in ("29", "x", "1234567890", "-1"):
        assert browser.get(f"/settings/billing/next-run?invoice_generation_day={wrong}").text.strip() == ""


def test_api_says_when_the_next_run_is(api):
    answer = api("GET", "/billing-runs/next?invoice_generation_day=10")
    assert (answer.status_code, answer.json["date"]) == (200, "2026-12-10")
    assert api("GET", "/billing-runs/next?invoice_generation_day=29").status_code == 422


def test_run_is_compared_with_the_month_before_as_a_whole(browser, subscriber, world):
    preview = browser.post("/billing/generate", {"preview": "1"}).headers["Location"]
    billing = world.fakes["billing"][1]
    (run,) = billing.runs.values()
    october = BillingPeriod(date(2026, 10, 1), date(2026, 11, 1))
    month = PeriodTotals(run.period, 3, Money(450_000))
    billing.runs[run.id] = replace(run, month=month, previous=PeriodTotals(october, 2, Money(300_000)))
    words = (
        "November 2026 as a whole: ₱4,500.00 in 3 invoices, ₱1,500.00 more than October 2026 (1 more invoice)"
    )
    assert words in browser.get(preview).text
    billing.runs[run.id] = replace(run, month=month, previous=replace(month, period=october))
    words = "₱4,500.00 in 3 invoices, the same amount as October 2026 (the same number of invoices)"
    assert words in browser.get(preview).text
