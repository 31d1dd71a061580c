"""The subscriber's own page, by what they read on it."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from contracts.billing import AccountView, InvoiceStatus
from contracts.holds import HoldReason, HoldView
from contracts.money import Money
from contracts.payment import PaymentMethod
from contracts.subscriber import ServiceStatus
from gateway.app import make_app
from gateway.models import AuditEntry, Role
from gateway.pdf.renderer import Document
from gateway.settings import read_gateway_settings
from gateway_fakes import NOW, TODAY
from servicekit.clock import FrozenClock
from servicekit.settings import SettingsError
from sqlalchemy import select


@pytest.fixture
def visit(app, subscriber):
    """Call it for the text of Pedro's page, or of another path."""

    def visit(path=""):
        answer = app.test_client().get(f"/c/{subscriber['short_id']}{path}")
        assert answer.status_code == 200, answer.text
        return words_of(answer.text)

    return visit


@pytest.fixture
def account(world, monkeypatch):
    """Call it to set what Pedro owes, in pesos."""

    def say(balance, overdue=0):
        def get_account(subscriber_id):
            credit = Money(max(-balance * 100, 0))
            return AccountView(subscriber_id, Money(balance * 100), credit, Money(overdue * 100))

        monkeypatch.setattr(world.fakes["billing"][1], "get_account", get_account, raising=True)

    return say


@pytest.fixture
def change(world, invoice_id):
    def change(**values):
        world.invoices[invoice_id] = replace(world.invoices[invoice_id], **values)

    return change


def words_of(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2] or page).split())


def hold(world, reason):
    (service,) = world.services.values()
    placed = HoldView("hold-1", reason, "system", NOW, "", None, None)
    world.services[service.id] = replace(service, status=ServiceStatus.SUSPENDED, holds=[placed])


def test_page_greets_by_first_name_only(visit, invoice_id, world):
    said = visit()
    assert "Hello, Pedro" in said
    assert "Reyes" not in said
    for fact in (
        "You owe ₱1,500.00",
        "Due in 15 days",
        "Your internet is on.",
        world.invoices[invoice_id].number,
    ):
        assert fact in said


def test_page_shows_nothing_internal(app, subscriber, invoice_id):
    page = app.test_client().get(f"/c/{subscriber['short_id']}").text
    assert subscriber["id"] not in page
    assert "/billing" not in page
    assert "/login" not in page
    assert " style=" not in page
    assert "<style" not in page


@pytest.mark.parametrize(
    ("balance", "said"),
    [(1500, "You owe ₱1,500.00"), (0, "Nothing to pay"), (-200, "Your credit ₱200.00")],
)
def test_balance_is_put_into_words(visit, account, balance, said):
    account(balance)
    assert said in visit()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"due_on": TODAY + timedelta(days=5)}, "Due in 5 days"),
        ({"due_on": TODAY + timedelta(days=1)}, "Due in 1 day"),
        ({"due_on": TODAY}, "Due today"),
        (
            {"due_on": date(2026, 11, 11), "days_overdue": 12, "status": InvoiceStatus.OVERDUE},
            "Overdue 12 days",
        ),
    ],
)
def test_due_date_is_put_into_words(visit, change, values, said):
    change(**values)
    assert visit().count(said) == 2


def test_suspended_service_says_why_and_what_to_do(visit, world):
    hold(world, HoldReason.OVERDUE)
    assert (
        "Your internet is off because a bill is overdue. It comes back automatically once you pay." in visit()
    )


def test_reason_of_other_holds_is_not_shown(visit, world):
    hold(world, HoldReason.ABUSE)
    said = visit()
    assert "Your internet is off. Contact us for help." in said
    assert "buse" not in said


def pay(api, subscriber, invoice_id):
    payment = {
        "subscriber_id": subscriber["id"],
        "invoice_id": invoice_id,
        "amount": 150000,
        "method": PaymentMethod.GCASH.value,
        "reference": "GC-77",
    }
    api("POST", "/payments", payment)


def test_past_invoices_and_payments_are_listed(visit, api, subscriber, invoice_id, world):
    pay(api, subscriber, invoice_id)
    said = visit()
    assert "Nothing to pay" in said
    number = world.invoices[invoice_id].number
    past, received = said.partition("Past invoices")[2].split("Payments received")
    assert f"{number} 23 Nov 2026 PDF ₱1,500.00 Paid" in past
    assert "23 Nov 2026 GCash ₱1,500.00" in received
    assert "GC-77" not in said


def test_each_invoice_has_a_file(app, subscriber, invoice_id):
    page = app.test_client().get(f"/c/{subscriber['short_id']}").text
    assert f'href="/c/{subscriber["short_id"]}/invoices/{invoice_id}.pdf"' in page


def test_payment_instructions_name_the_account_and_the_isp(visit, api, app, subscriber):
    general = {
        "isp_name": "Sinag Fiber",
        "support_phone": "+63 (2) 8123-4567",
        "support_email": "a@b.example",
    }
    api("PATCH", "/settings/general", {**general, "address": "2F Mabini Bldg."})
    said = visit()
    assert f"give your account number: {subscriber['account_number']} 2F Mabini Bldg." in said
    page = app.test_client().get(f"/c/{subscriber['short_id']}").text
    assert subscriber["short_id"] not in said
    assert 'href="tel:+63281234567"' in page
    assert 'href="mailto:a@b.example"' in page
    assert "Sinag Fiber" in page


def test_page_refreshes_with_its_payments(visit, app, api, subscriber, invoice_id, world):
    page = app.test_client().get(f"/c/{subscriber['short_id']}").text
    assert f'hx-get="/c/{subscriber["short_id"]}/state" hx-trigger="every 15s' in page
    before = visit("/state")
    assert "You owe ₱1,500.00" in before
    assert "No payments yet." in before
    pay(api, subscriber, invoice_id)
    after = visit("/state")
    assert "Nothing to pay" in after
    assert "23 Nov 2026 GCash ₱1,500.00" in after
    hold(world, HoldReason.OVERDUE)
    assert "Your internet is off" in visit("/state")


@pytest.mark.parametrize(
    ("down", "lost", "kept"),
    [
        ("billing", "Your balance can't be shown right now", "Your internet is on."),
        ("billing", "Your past invoices can't be shown right now", "No payments yet."),
        ("payment", "Your payments can't be shown right now", "You owe ₱1,500.00"),
        ("radius", "", "You owe ₱1,500.00"),
        ("router", "", "Your internet is on."),
    ],
)
def test_service_that_is_down_affects_only_its_part(visit, world, invoice_id, down, lost, kept):
    world.down.add(down)
    said = visit()
    assert lost in said
    assert kept in said


def test_silent_service_is_waited_for_only_once(visit, world, gateway, invoice_id):
    asked = []

    def call(service, *question):
        asked.append(service)
        return world.call(service, *question)

    gateway.transport = call
    gateway.__dict__.pop("optional", None)
    world.down.add("billing")
    assert "Your balance can't be shown right now" in visit()
    assert asked.count("billing") == 1


def test_page_says_to_try_again_without_the_subscriber_service(app, subscriber, world):
    world.down.add("subscriber")
    answer = app.test_client().get(f"/c/{subscriber['short_id']}")
    assert answer.status_code == 503
    assert "Try again in a few minutes" in answer.text
    assert "dashboard" not in answer.text


def test_page_is_not_cached(app, subscriber):
    for path in ("", "/state", "/invoices/nope.pdf"):
        headers = app.test_client().get(f"/c/{subscriber['short_id']}{path}").headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize("path", ["guess", "x" * 41, "%00", "Pe%C3%B1a"])
def test_unknown_address_is_explained(app, path):
    answer = app.test_client().get(f"/c/{path}")
    assert answer.status_code == 404
    assert "Check the link you were given" in answer.text


def test_renewed_link_replaces_the_old_one(app, browser, subscriber, database):
    page = f"/subscribers/{subscriber['id']}"
    question = browser.get(f"{page}/payment-page/renew").text
    assert "QR codes on invoices that were already printed or sent" in question

    browser.post(f"{page}/payment-page/renew")

    (link,) = re.findall(r'href="[^"]*(/c/\w+)"', browser.get(page).text)
    assert link != f"/c/{subscriber['short_id']}"
    visitor = app.test_client()
    assert visitor.get(link).status_code == 200
    old, unknown = visitor.get(f"/c/{subscriber['short_id']}"), visitor.get("/c/guess")
    assert (old.status_code, old.text) == (404, unknown.text)
    with database.reading() as session:
        events = session.scalars(
            select(AuditEntry.event).where(AuditEntry.record_id == subscriber["id"])
        ).all()
    assert "admin.renew_payment_page" in events


def test_link_is_renewed_once_per_key_through_the_api(api, subscriber):
    path = f"/subscribers/{subscriber['id']}/payment-page/renew"
    first = api("POST", path, Idempotency_Key="click")
    assert first.json["short_id"] != subscriber["short_id"]
    assert first.json["payment_url"].endswith(f"/c/{first.json['short_id']}")
    assert first.json["account_number"] == subscriber["account_number"]
    assert api("POST", path, Idempotency_Key="click").json == first.json
    assert api("POST", "/subscribers/nothing/payment-page/renew").status_code == 404


def test_technician_cannot_renew_a_link(browser_as, api_as, subscriber):
    path = f"/subscribers/{subscriber['id']}/payment-page/renew"
    assert api_as(Role.TECHNICIAN)("POST", path).status_code == 403
    technician = browser_as(Role.TECHNICIAN)
    assert technician.get(path).status_code == 403
    assert "payment-page" not in technician.get(f"/subscribers/{subscriber['id']}").text


def test_address_of_a_payment_page_is_not_logged(app, subscriber, capsys):
    app.test_client().get(f"/c/{subscriber['short_id']}")
    logged = capsys.readouterr()
    assert "/c/<short_id>" in logged.out + logged.err
    assert subscriber["short_id"] not in logged.out + logged.err


def guesses(client, count, **options):
    return [client.get(f"/c/guess{number}", **options).status_code for number in range(count)]


def test_guessing_short_ids_is_throttled(app):
    statuses = guesses(app.test_client(), 40)
    assert statuses[0] == 404
    assert statuses[-1] == 429


def test_guesses_at_files_and_panels_count_too(app):
    client = app.test_client()
    guesses(client, 31)
    assert client.get("/c/guess/state").status_code == 429
    assert client.get("/c/guess/invoices/x.pdf").status_code == 429


def test_neighbors_behind_one_address_do_not_block_each_other(app, api, subscriber):
    client = app.test_client()
    maria = api("POST", "/subscribers", {"full_name": "Maria"}).json["short_id"]
    mine = [client.get(f"/c/{subscriber['short_id']}/state").status_code for _ in range(40)]
    assert mine[-1] == 429
    assert client.get(f"/c/{maria}").status_code == 200


def test_ipv6_network_of_a_customer_is_throttled_as_one(app):
    client = app.test_client()
    statuses = [
        client.get("/c/guess", environ_base={"REMOTE_ADDR": f"2001:db8::{number:x}"}).status_code
        for number in range(40)
    ]
    assert statuses[-1] == 429
    assert client.get("/c/guess", environ_base={"REMOTE_ADDR": "2001:db8:0:1::1"}).status_code == 404


@pytest.mark.parametrize("address", ["1.2.3.4:5678", "[::1]:80", "::ffff:1.2.3.4", "unknown", ""])
def test_page_is_shown_for_any_forwarded_address(app, subscriber, address):
    answer = app.test_client().get(f"/c/{subscriber['short_id']}", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 200


def test_ipv4_mapped_neighbors_are_throttled_separately(app):
    client = app.test_client()
    guesses(client, 40, environ_base={"REMOTE_ADDR": "::ffff:10.1.1.1"})
    assert client.get("/c/guess", environ_base={"REMOTE_ADDR": "::ffff:10.1.1.2"}).status_code == 404
    assert client.get("/c/guess", environ_base={"REMOTE_ADDR": "10.1.1.1"}).status_code == 429


def test_failed_look_ups_do_not_count_as_guesses(app, subscriber, world):
    client = app.test_client()
    world.down.add("subscriber")
    assert set(guesses(client, 40)) == {503}
    world.down.clear()
    assert client.get(f"/c/{subscriber['short_id']}").status_code == 200


def test_files_of_one_subscriber_are_limited(app, api, subscriber, invoice_id, gateway, monkeypatch):
    monkeypatch.setattr(gateway.pdf, "render", lambda *_: Document(b"%PDF-", ""))
    client = app.test_client()
    file = f"/c/{subscriber['short_id']}/invoices/{invoice_id}.pdf"
    statuses = [client.get(file).status_code for _ in range(7)]
    assert statuses[:5] == [200] * 5
    assert statuses[-1] == 429
    assert client.get(f"/c/{subscriber['short_id']}").status_code == 200


def forwarded(app, count, address):
    """The status of the last guess. Each claims another origin; a proxy adds `address`."""
    client = app.test_client()
    for number in range(count):
        headers = {"X-Forwarded-For": f"203.0.113.{number}" + (f", {address}" if address else "")}
        status = client.get("/c/guess", headers=headers).status_code
    return status


def test_forged_origin_is_ignored_without_a_proxy(app):
    assert forwarded(app, 40, "") == 429


def test_only_the_address_added_by_the_proxy_counts(environment, database, world):
    settings = read_gateway_settings({**environment, "ISPOS_TRUSTED_PROXIES": "1"})
    app = make_app(settings, FrozenClock(NOW), database, world.call)
    assert forwarded(app, 40, "198.51.100.1") == 429
    assert forwarded(app, 1, "198.51.100.2") == 404


@pytest.mark.parametrize("count", ["-1", "11", "one"])
def test_invalid_number_of_proxies_prevents_the_start(environment, count):
    with pytest.raises(SettingsError, match=r"ISPOS_TRUSTED_PROXIES.*use 0"):
        read_gateway_settings({**environment, "ISPOS_TRUSTED_PROXIES": count})
