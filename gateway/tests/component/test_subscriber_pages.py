"""Subscribers, their services and holds, by what a person types and reads."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.holds import HoldReason, HoldView
from contracts.radius import LineEvent, LineEventKind, RequestKind, RequestOutcome, SessionView
from contracts.subscriber import ServiceStatus
from gateway.models import AuditEntry, Role
from gateway_fakes import NOW
from page_forms import subscriber_form
from sqlalchemy import select


def test_subscriber_is_added_as_typed_in_the_tutorial(browser, plan_id, router_id):
    answer = browser.post("/subscribers/new", subscriber_form(plan_id, router_id))
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"]).text
    assert "Juan dela Cruz" in page
    assert "juan.delacruz" in page
    assert "Active" in page
    assert "Plan price" in page


def test_billing_terms_are_saved_with_a_new_subscriber(browser, plan_id, router_id, world):
    form = subscriber_form(plan_id, router_id) | {"individual_price": "1,200", "discount_value": "12.5%"}
    browser.post("/subscribers/new", form)
    (service,) = world.services.values()
    assert service.billing_terms.individual_price.minor == 120000
    assert service.billing_terms.discount.value == 1250


def test_username_in_use_is_named_at_its_field(browser, subscriber, plan_id, router_id):
    form = subscriber_form(plan_id, router_id) | {"pppoe_username": "pedro.reyes"}
    answer = browser.post("/subscribers/new", form)
    assert answer.status_code == 422
    assert "pedro.reyes is already used" in answer.text
    assert "Juan dela Cruz" in answer.text
    assert "pppoe-pass-01" not in answer.text


def test_service_is_edited_without_retyping_the_password(browser, subscriber, world, plan_id, router_id):
    service_id = subscriber["services"][0]["id"]
    path = f"/services/{service_id}/edit"
    assert 'value="pedro.reyes"' in browser.get(path).text
    form = {"pppoe_username": "pedro.r", "plan_id": plan_id, "router_id": router_id, "discount_value": "100"}
    assert browser.post(path, form).status_code == 303
    command = world.commands("change_service")[-1]
    assert (command.pppoe_username, command.pppoe_password) == ("pedro.r", None)
    assert command.discount.value == 10000


def test_suspend_and_restore_ask_first(browser, subscriber, world):
    page, service_id = f"/subscribers/{subscriber['id']}", subscriber["services"][0]["id"]
    question = browser.get(f"/services/{service_id}/suspend").text
    assert "A payment doesn't end this suspension" in question
    assert world.services[service_id].holds == []
    browser.post(f"/services/{service_id}/suspend", {"reason": "admin", "note": "moved out"})
    shown = browser.get(page).text
    assert "<strong>Admin</strong> hold" in shown
    assert "moved out" in shown
    (hold,) = world.services[service_id].holds
    release = f"/services/{service_id}/holds/{hold.id}/release"
    assert "The service works again" in browser.get(release).text
    browser.post(release)
    assert "Past holds" in browser.get(page).text


def _overdue(world, service_id):
    """An overdue hold on a service, as billing's events place it."""
    service = world.services[service_id]
    hold = HoldView("hold-overdue", HoldReason.OVERDUE, "billing", NOW, "5 days overdue", None, None)
    world.services[service_id] = replace(service, holds=[hold], status=ServiceStatus.SUSPENDED)
    return hold


def test_restoring_an_overdue_service_asks_until_when(browser, subscriber, world):
    page, service_id = f"/subscribers/{subscriber['id']}", subscriber["services"][0]["id"]
    hold = _overdue(world, service_id)
    path = f"/services/{service_id}/restore"
    asked = browser.get(f"/services/{service_id}/holds/{hold.id}/release")
    assert (asked.status_code, asked.headers["Location"]) == (303, path)
    question = browser.get(path).text
    assert "suspended again automatically unless the bill is paid" in question
    assert 'value="2026-11-26T10:00"' in question  # three days from now, in Manila

    answer = browser.post(path, {"until": "2026-11-25T18:30", "note": "pays on Wednesday"})
    assert answer.status_code == 303
    (exemption,) = world.services[service_id].exemptions
    assert exemption.until == NOW + timedelta(days=2, hours=8, minutes=30)
    shown = browser.get(page).text
    assert "Restored until 25 Nov 2026, 18:30 by owner@example.com" in shown
    assert "pays on Wednesday" in shown
    timeline = browser.get(f"{page}/timeline").text
    assert "Restored until 25 Nov 2026, 18:30: Overdue bill" in timeline

    browser.post(f"/services/{service_id}/exemptions/{exemption.id}/cancel")
    assert world.services[service_id].status is ServiceStatus.SUSPENDED
    assert "Restored by owner@example.com" in browser.get(page).text


@pytest.mark.parametrize("until", ["", "2026-11-22T10:00", "tomorrow"])
def test_restore_until_the_past_or_never_is_refused_and_keeps_the_note(browser, subscriber, world, until):
    service_id = subscriber["services"][0]["id"]
    _overdue(world, service_id)
    answer = browser.post(f"/services/{service_id}/restore", {"until": until, "note": "pays soon"})
    assert answer.status_code == 422
    assert 'value="pays soon"' in answer.text
    assert world.services[service_id].exemptions == []


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_restore_until_the_ends_of_the_calendar_is_refused(api, subscriber, until):
    service_id = subscriber["services"][0]["id"]
    answer = api("POST", f"/services/{service_id}/restore", {"until": until})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "until")


def test_payment_page_says_until_when_a_restored_service_is_on(browser, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    _overdue(world, service_id)
    browser.post(f"/services/{service_id}/restore", {"until": "2026-11-25T18:30"})
    page = browser.get(f"/c/{subscriber['short_id']}").text
    assert "Your internet is on until 25 Nov 2026, 18:30." in page


def test_disconnect_shows_what_the_router_did(browser, subscriber):
    service_id = subscriber["services"][0]["id"]
    answer = browser.post(f"/services/{service_id}/kick")
    assert "was disconnected" in browser.get(answer.headers["Location"]).text


def test_password_is_revealed_on_request_and_audited(browser, subscriber, world, database):
    service_id = subscriber["services"][0]["id"]
    world.passwords[service_id] = "pppoe-pass-<03>"
    path = f"/services/{service_id}/reveal-password"
    assert "pppoe-pass" not in browser.get(path).text
    assert world.commands("reveal_password") == []
    assert "pppoe-pass-&lt;03&gt;" in browser.post(path).text
    with database.reading() as session:
        newest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (newest.action, newest.record_id) == ("POST /services/<service_id>/reveal-password", service_id)


def test_technician_cannot_reveal_a_password(browser_as, subscriber):
    path = f"/services/{subscriber['services'][0]['id']}/reveal-password"
    assert browser_as(Role.TECHNICIAN).get(path).status_code == 403


def test_terminating_a_service_needs_its_name_typed(browser, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    path = f"/services/{service_id}/terminate"
    wrong = browser.post(path, {"typed_username": "juan"})
    assert (wrong.status_code, "Type pedro.reyes to confirm" in wrong.text) == (422, True)
    assert world.services[service_id].terminated_at is None
    assert browser.post(path, {"typed_username": "pedro.reyes"}).status_code == 303
    assert world.services[service_id].terminated_at is not None


def test_timeline_has_money_and_network_events_in_order(browser, subscriber, invoice_id, world):
    service_id = subscriber["services"][0]["id"]
    browser.post(f"/services/{service_id}/suspend", {"reason": "admin"})
    browser.post(f"/invoices/{invoice_id}/payments", {"amount": "1500", "method": "gcash"})
    world.line_events = [
        LineEvent(NOW + timedelta(seconds=8), LineEventKind.ONLINE, service_id, "10.64.0.3"),
        LineEvent(
            NOW + timedelta(seconds=1),
            LineEventKind.REQUEST,
            service_id,
            "",
            RequestKind.DISCONNECT,
            RequestOutcome.ACKED,
        ),
    ]
    timeline = browser.get(f"/subscribers/{subscriber['id']}/timeline").text
    told = ("Online", "Router acknowledged the disconnect request", "Suspended: Admin", "Paid ₱1,500.00")
    places = [timeline.index(words) for words in told]
    assert places == sorted(places)
    assert "10:00:08" in timeline


def test_timeline_is_green_only_while_nothing_suspends_the_service(browser, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    minute = timedelta(minutes=1)
    overdue = HoldView("h-1", HoldReason.OVERDUE, "billing", NOW, "", NOW + 2 * minute, "billing")
    admin = HoldView("h-2", HoldReason.ADMIN, "ana", NOW, "", NOW + 4 * minute, "ana")
    world.services[service_id] = replace(world.services[service_id], holds=[overdue, admin])
    world.line_events = [
        LineEvent(NOW + minute, LineEventKind.ONLINE, service_id, "10.64.0.3"),
        LineEvent(NOW + 5 * minute, LineEventKind.ONLINE, service_id, "10.64.0.4"),
    ]
    timeline = browser.get(f"/subscribers/{subscriber['id']}/timeline").text
    moments = re.findall(r'class="mark ([a-z]+)">.*?</span><span>([^<]+)', timeline)
    assert [(tone, text) for tone, text in moments if "Suspended:" not in text] == [
        ("good", "Online"),
        ("good", "Hold released: Admin"),
        ("warn", "Hold released: Overdue bill. Still suspended by another hold"),
        ("warn", "Online, payment page only"),
    ]


def test_open_session_of_a_suspended_service_is_amber(browser, subscriber, world):
    service_id = subscriber["services"][0]["id"]
    session = SessionView("s1", "pedro", service_id, None, "81", None, None, NOW, None, None, 5, 7, None)
    world.sessions.append(session)
    assert "Payment page only" not in browser.get("/sessions").text
    world.sessions[0] = replace(session, suspended=True)
    for page in ("/sessions", f"/services/{service_id}/live"):
        shown = browser.get(page).text
        assert 'status-badge warn">Payment page only' in shown
        assert ">Online<" not in shown
