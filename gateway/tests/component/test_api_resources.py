"""What each resource accepts and returns."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.billing import InvoiceStatus
from contracts.holds import HoldReason, HoldView
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.radius import AttemptView, ReconnectView, RequestKind, RequestOutcome, SessionView
from contracts.subscriber import ServiceStatus
from gateway.models import AuditEntry
from gateway_fakes import NOW
from sqlalchemy import select


def test_plan_shows_its_price_as_money(api, plan_id):
    plan = api("GET", f"/plans/{plan_id}").json
    assert plan["price"] == {"amount": 150000, "currency": "PHP"}
    assert (plan["billing_type"], plan["download_kbps"], plan["status"]) == ("postpaid", 50000, "active")
    assert plan["created_at"] == "2026-11-23T02:00:00Z"


def test_plan_is_changed_by_field_and_archived(api, plan_id):
    changed = api("PATCH", f"/plans/{plan_id}", {"price": {"amount": 99900, "currency": "PHP"}}).json
    assert (changed["price"]["amount"], changed["name"]) == (99900, "Fiber 50 Mbps")
    assert api("POST", f"/plans/{plan_id}/archive").json["status"] == "archived"


def test_prepaid_is_refused_at_its_field(api):
    body = {"name": "P", "price": 1, "download_kbps": 1, "upload_kbps": 1, "billing_type": "prepaid"}
    answer = api("POST", "/plans", body)
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "billing_type", "message": "must be one of postpaid"}]


def test_only_manual_routers_can_be_added(api):
    answer = api("POST", "/routers", {"name": "Main"})
    assert answer.status_code == 422
    (wrong,) = answer.json["errors"]
    assert wrong["field"] == "connection"
    assert "nas_address and radius_secret" in wrong["message"]
    answer = api("POST", "/routers", {"name": "Main", "connection": "manual", "radius_secret": "x"})
    assert [wrong["field"] for wrong in answer.json["errors"]] == ["nas_address"]


def test_router_shows_its_health_but_not_its_secret(api, router_id):
    answer = api("GET", f"/routers/{router_id}")
    assert (answer.json["status"], answer.json["health"], answer.json["coa_port"]) == (
        "online",
        "connected",
        3799,
    )
    assert "s3cret" not in answer.text


def test_router_has_no_health_while_radius_is_down(api, router_id, world):
    world.down.add("radius")
    assert api("GET", f"/routers/{router_id}").json["health"] is None


def test_subscriber_and_service_are_created_together(api, subscriber, settings):
    (service,) = subscriber["services"]
    assert service["pppoe_username"] == "pedro.reyes"
    assert (service["status"], service["holds"], service["provisioned"]) == ("active", [], True)
    assert service["session"] is None
    assert service["billing_terms"] == {"individual_price": None, "discount": None}
    assert subscriber["balance"] == {"amount": 0, "currency": "PHP"}
    assert subscriber["payment_url"] == f"{settings.public_url}/c/{subscriber['short_id']}"


def test_password_is_never_returned(api, subscriber):
    service_id = subscriber["services"][0]["id"]
    for path in (f"/subscribers/{subscriber['id']}", "/subscribers", f"/services/{service_id}"):
        assert "pppoe-pass-03" not in api("GET", path).text


def test_response_waits_until_radius_has_caught_up(api, service_body, world):
    world.radius_lag = 5
    made = api("POST", "/subscribers", {"full_name": "Pedro Reyes", "service": service_body}).json
    assert made["services"][0]["provisioned"] is True


def test_subscriber_is_created_while_radius_and_billing_are_down(api, service_body, world):
    world.down |= {"radius", "billing"}
    started = time.monotonic()
    answer = api("POST", "/subscribers", {"full_name": "Pedro Reyes", "service": service_body})
    assert answer.status_code == 201
    assert answer.json["services"][0]["provisioned"] is False
    assert answer.json["balance"]["amount"] == 0
    assert time.monotonic() - started < 1


def test_wait_for_radius_is_limited(api, service_body, world):
    world.radius_lag = 10**6
    started = time.monotonic()
    made = api("POST", "/subscribers", {"full_name": "Pedro Reyes", "service": service_body})
    assert made.json["services"][0]["provisioned"] is False
    assert 1.5 < time.monotonic() - started < 3


def test_subscribers_are_searched_and_filtered(api, subscriber):
    assert len(api("GET", "/subscribers?query=pedro").json["data"]) == 1
    assert api("GET", "/subscribers?query=maria").json["data"] == []
    assert api("GET", "/subscribers?status=suspended").json["data"] == []
    assert api("GET", "/subscribers?status=asleep").status_code == 422


def test_billing_terms_are_flat_fields(api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    terms = {
        "individual_price": 120000,
        "discount": {"kind": "percent", "value": "12.5", "until": "2026-12-31"},
    }
    shown = api("PATCH", f"/services/{service_id}", terms).json["billing_terms"]
    assert shown["individual_price"] == {"amount": 120000, "currency": "PHP"}
    assert shown["discount"] == {"kind": "percent", "value": "12.5", "until": "2026-12-31"}
    command = world.commands("change_service")[-1]
    assert command.discount.value == 1250


def test_null_empties_one_billing_term_and_keeps_the_other(api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    api("PATCH", f"/services/{service_id}", {"individual_price": 120000})
    api("PATCH", f"/services/{service_id}", {"discount": {"kind": "amount", "value": 5000}})
    terms = world.services[service_id].billing_terms
    assert terms == BillingTerms(Money(120000), Discount(DiscountKind.AMOUNT, 5000))
    api("PATCH", f"/services/{service_id}", {"individual_price": None})
    assert world.services[service_id].billing_terms.individual_price is None


def test_individual_price_may_be_zero(api, subscriber, browser):
    service_id = subscriber["services"][0]["id"]
    shown = api("PATCH", f"/services/{service_id}", {"individual_price": 0}).json["billing_terms"]
    assert shown["individual_price"] == {"amount": 0, "currency": "PHP"}
    assert "Individual price ₱0.00" in browser.get(f"/subscribers/{subscriber['id']}").text
    assert 'value="0.00"' in browser.get(f"/services/{service_id}/edit").text


def test_null_removes_the_static_ip(api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    api("PATCH", f"/services/{service_id}", {"static_ip": "10.1.2.3"})
    assert world.services[service_id].static_ip == "10.1.2.3"
    assert api("PATCH", f"/services/{service_id}", {"static_ip": None}).json["static_ip"] is None


def test_discount_errors_name_the_field_as_sent(api, subscriber):
    service_id = subscriber["services"][0]["id"]
    body = {"discount": {"kind": "percent", "value": 12.5, "until": "soon"}}
    answer = api("PATCH", f"/services/{service_id}", body)
    assert [wrong["field"] for wrong in answer.json["errors"]] == ["discount.value", "discount.until"]


def test_hold_suspends_and_its_release_restores(api, subscriber):
    service_id = subscriber["services"][0]["id"]
    placed = api("POST", f"/services/{service_id}/holds", {"reason": "admin", "note": "moved"})
    assert placed.status_code == 201
    hold = placed.json
    assert (hold["reason"], hold["note"], hold["placed_by"]) == ("admin", "moved", "owner@example.com")
    assert (hold["service"]["status"], hold["service"]["provisioned"]) == ("suspended", True)
    shown = api("GET", f"/services/{service_id}").json
    assert [each["id"] for each in shown["holds"]] == [hold["id"]]
    released = api("DELETE", f"/services/{service_id}/holds/{hold['id']}").json
    assert (released["status"], released["holds"]) == ("active", [])
    assert released["released_holds"][0]["id"] == hold["id"]


def test_restore_exempts_a_service_until_a_given_time(api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    path = f"/services/{service_id}"
    assert api("POST", f"{path}/restore", {}).status_code == 409  # nothing to restore
    hold = HoldView("hold-overdue", HoldReason.OVERDUE, "billing", NOW, "5 days overdue", None, None)
    world.services[service_id] = replace(
        world.services[service_id], holds=[hold], status=ServiceStatus.SUSPENDED
    )
    restored = api("POST", f"{path}/restore", {}).json
    assert (restored["status"], [one["id"] for one in restored["holds"]]) == ("active", [hold.id])
    (exemption,) = restored["exemptions"]
    assert (exemption["kind"], exemption["until"]) == ("temporary_restore", "2026-11-26T02:00:00Z")

    wanted = {"until": "2026-11-24T12:00:00+08:00", "note": "promised"}
    assert api("POST", f"{path}/restore", wanted).json["exemptions"][0]["until"] == "2026-11-24T04:00:00Z"
    by_date = api("POST", f"{path}/restore", {"until": "2026-11-24"}).json["exemptions"][0]
    assert by_date["until"] == "2026-11-24T16:00:00Z"  # the end of that day in Manila
    for wrong in ("2026-11-24T12:00:00", "2026-11-20", "2026-13-01", "soon", 5):
        assert api("POST", f"{path}/restore", {"until": wrong}).status_code == 422

    listed = api("GET", f"{path}/exemptions").json["data"]
    assert [one["ended_at"] is None for one in listed] == [True, False, False]
    assert api("DELETE", f"{path}/exemptions/{by_date['id']}").json["status"] == "suspended"
    assert api("DELETE", f"{path}/exemptions/none").status_code == 404
    assert api("DELETE", f"{path}/holds/{hold.id}").json["status"] == "active"


def test_service_shows_its_live_session(api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    world.sessions.append(
        SessionView(
            "s1", "pedro.reyes", service_id, None, "81", "10.0.0.9", None, NOW, None, None, 5, 7, None
        )
    )
    shown = api("GET", f"/services/{service_id}").json["session"]
    assert (shown["framed_ip_address"], shown["started_at"]) == ("10.0.0.9", "2026-11-23T02:00:00Z")
    listed = api("GET", f"/sessions?open=true&service_id={service_id}").json["data"]
    assert [session["username"] for session in listed] == ["pedro.reyes"]


def test_disconnect_shows_the_outcome_of_each_request(api, subscriber):
    service_id = subscriber["services"][0]["id"]
    answer = api("POST", f"/services/{service_id}/disconnect").json
    assert answer["disconnected"] is True
    assert (answer["attempts"][0]["kind"], answer["attempts"][0]["outcome"]) == ("disconnect", "acked")


def test_earlier_requests_to_the_router_are_listed(api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    refused = AttemptView(RequestKind.DISCONNECT, RequestOutcome.NACKED, 503, "no session", NOW, NOW)
    world.attempts[service_id] = [refused]
    (attempt,) = api("GET", f"/services/{service_id}/attempts").json["data"]
    assert (attempt["error_cause"], attempt["error_cause_name"]) == (503, "Session-Context-Not-Found")


def test_reconnects_are_in_seconds_with_milliseconds(api, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    world.reconnects = [
        ReconnectView(
            id="reconnect-1",
            service_id=service_id,
            username="pedro.reyes",
            payment_id="payment-1",
            paid_at=NOW,
            released_at=NOW,
            authorized_at=NOW,
            router_acked_at=NOW,
            online_at=NOW + timedelta(milliseconds=412),
            milliseconds=412,
            how="redial",
        )
    ]
    (case,) = api("GET", f"/services/{service_id}/reconnects").json["data"]
    assert (case["seconds"], case["how"]) == (0.412, "redial")
    assert case["online_at"] == "2026-11-23T02:00:00.412000Z"


def test_terminated_service_is_still_shown(api, subscriber):
    service_id = subscriber["services"][0]["id"]
    assert api("POST", f"/services/{service_id}/terminate").json["status"] == "terminated"


def test_billing_settings_are_changed_one_by_one(api):
    changed = api("PATCH", "/settings/billing", {"auto_suspend": False, "suspension_mode": "block"}).json
    assert (changed["auto_suspend"], changed["suspension_mode"]) == (False, "block")
    assert changed["payment_terms_days"] == 15
    answer = api("PATCH", "/settings/billing", {"invoice_generation_day": 29})
    assert answer.json["errors"][0]["field"] == "invoice_generation_day"


def test_billing_run_is_accepted_and_reports_by_subscriber(api, subscriber):
    started = api("POST", "/billing-runs", {"date": "2026-11-23"})
    assert started.status_code == 202
    run = api("GET", f"/billing-runs/{started.json['id']}").json
    assert (run["status"], run["total"], run["created"]) == ("finished", 1, 1)
    (item,) = run["items"]["data"]
    assert (item["outcome"], item["subscriber_name"]) == ("created", "Pedro Reyes")
    again = api("POST", "/billing-runs").json
    items = api("GET", f"/billing-runs/{again['id']}/items?outcome=skipped").json["data"]
    assert items[0]["reason"] == "already invoiced for this period: INV-000001"


def test_invoice_shows_its_lines_with_price_and_source(api, invoice_id):
    invoice = api("GET", f"/invoices/{invoice_id}").json
    assert (invoice["status"], invoice["collection_status"]) == ("sent", "pending")
    assert invoice["period"] == {"start": "2026-11-01", "end": "2026-12-01"}
    assert invoice["lines"][0]["price_source"] == "plan"
    assert invoice["balance"] == {"amount": 150000, "currency": "PHP"}
    assert invoice["due_on"] == "2026-12-08"


def test_invoice_is_voided_with_a_reason(api, invoice_id, world):
    assert api("POST", f"/invoices/{invoice_id}/void", {"reason": "typo"}).json["status"] == "void"
    assert world.commands("void_invoice")[0].reason == "typo"


def test_payment_shows_its_allocations(api, subscriber, invoice_id, world):
    world.allocation_lag = 3
    body = {
        "subscriber_id": subscriber["id"],
        "invoice_id": invoice_id,
        "amount": {"amount": 150000, "currency": "PHP"},
        "method": "gcash",
        "reference": "GCash-20260408-001",
    }
    payment = api("POST", "/payments", body)
    assert payment.status_code == 201
    assert payment.json["allocations"][0]["invoice_id"] == invoice_id
    assert world.invoices[invoice_id].status is InvoiceStatus.PAID
    again = api("POST", "/payments", {**body, "confirm": ["reference_used"]}).json
    assert again["same_reference"] == [payment.json["id"]]


def test_payment_is_recorded_while_billing_is_down(api, subscriber, world):
    world.down.add("billing")
    body = {"subscriber_id": subscriber["id"], "amount": 100, "method": "cash"}
    answer = api("POST", "/payments", body)
    assert (answer.status_code, answer.json["allocations"]) == (201, None)


def test_accounts_ledger_and_receivables_are_shown(api, subscriber, invoice_id):
    assert api("GET", f"/accounts/{subscriber['id']}").json["balance"]["amount"] == 150000
    assert api("GET", f"/subscribers/{subscriber['id']}/ledger").json == {"data": [], "next": None}
    assert api("GET", "/ledger/check").json["differences"] == []
    assert api("GET", "/receivables").json["receivable"]["amount"] == 150000


def test_collections_run_returns_what_it_did(api):
    answer = api("POST", "/collections-runs", {"date": "2026-12-14", "dry_run": True})
    assert (answer.status_code, answer.json["date"], answer.json["dry_run"]) == (200, "2026-12-14", True)


def test_clock_does_not_exist_unless_it_is_movable(api):
    assert api("GET", "/clock").status_code == 404
    assert api("PUT", "/clock", {"advance_days": 1}).status_code == 404


@pytest.fixture
def clock_api(movable_app, api):
    def call(method, body=None):
        headers = {"Authorization": f"Bearer {api.token}"}
        return movable_app.test_client().open("/api/v1/clock", method=method, json=body, headers=headers)

    return call


def test_movable_clock_is_set_and_advanced(clock_api):
    moved = clock_api("PUT", {"now": "2027-01-05T10:00:00+08:00"}).json
    assert moved["now"].startswith("2027-01-05T02:00:0")
    assert (moved["date"], moved["time_zone"]) == ("2027-01-05", "Asia/Manila")
    moved = clock_api("PUT", {"date": "2027-02-01"}).json
    assert moved["now"].startswith("2027-02-01T02:00:0")
    assert clock_api("PUT", {"advance_days": 3}).json["date"] == "2027-02-04"
    assert clock_api("PUT", {"advance_seconds": 86400}).json["date"] == "2027-02-05"
    assert clock_api("GET").json["date"] == "2027-02-05"


@pytest.mark.parametrize(
    "body",
    [{}, {"advance_days": 1, "date": "2027-01-01"}, {"now": "2027-01-05T10:00:00"}, {"advance_days": 30_000}],
)
def test_contradictory_clock_change_is_422(clock_api, body):
    assert clock_api("PUT", body).status_code == 422


def test_repeated_password_request_is_audited_each_time(api, world, subscriber, database):
    service_id = subscriber["services"][0]["id"]
    world.passwords[service_id] = "pppoe-pass-03"
    for _ in range(2):
        answer = api("POST", f"/services/{service_id}/reveal-password", {}, Idempotency_Key="once")
        assert answer.json["pppoe_password"] == "pppoe-pass-03"
    with database.reading() as session:
        read = select(AuditEntry).where(AuditEntry.action.endswith("/reveal-password"))
        assert len(session.scalars(read).all()) == 2
