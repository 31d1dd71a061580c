"""The panels of the dashboard."""

import re
from html import unescape

import pytest

PANELS = (  # all but first-steps
    "online",
    "figures",
    "collected",
    "aging",
    "suspensions",
    "sessions",
    "reconnects",
    "events",
)


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_opens_without_any_service(browser, subscriber, invoice_id, world, panel):
    assert browser.get(f"/panels/{panel}").status_code == 200
    world.down |= {"subscriber", "billing", "payment", "radius", "router"}
    silent = browser.get(f"/panels/{panel}")
    assert silent.status_code == 200
    assert "isn't responding" in unescape(silent.text)


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_calls_each_service_at_most_once(browser, subscriber, invoice_id, world, panel):
    world.calls.clear()
    browser.get(f"/panels/{panel}")
    asked = [service for service, _, _ in world.calls]
    assert len(asked) == len(set(asked))


def test_first_steps_make_five_calls(browser, subscriber, invoice_id, world):
    world.calls.clear()
    browser.get("/panels/first-steps")
    assert len(world.calls) == 5


def test_reconnects_chart_has_the_figures(browser, world):
    world.reconnect_buckets = [(1000, 3), (30000, 1), (None, 1)]
    panel = browser.get("/panels/reconnects").text
    assert "4 of 5" in panel
    assert "[3, 1, 1]" in panel


def test_first_steps_disappear_when_all_are_done(browser, world, subscriber, invoice_id):
    steps = browser.get("/panels/first-steps").text
    assert "4 of 5 done" in steps
    browser.post(f"/invoices/{invoice_id}/payments", {"amount": "1500", "method": "cash"})
    assert "First steps" not in browser.get("/panels/first-steps").text


def test_each_row_of_the_aging_table_leads_to_its_invoices(browser, subscriber, invoice_id):
    links = re.findall(r'href="(/billing\?[^"]*)"', browser.get("/panels/aging").text)
    assert "/billing?status=open&amp;order=due_on&amp;due_from=2026-11-23" in links
    assert "/billing?status=open&amp;order=due_on&amp;due_until=2026-10-23&amp;due_from=2026-09-24" in links
