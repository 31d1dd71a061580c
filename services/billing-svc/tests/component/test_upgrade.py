"""A database of commit 9582eae, which billed only the month of each run, goes on being billed."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from contracts.money import Money
from servicekit.clock import FrozenClock
from servicekit.db import Database
from servicekit.migrations import migrate
from servicekit.runtime import Runtime
from sqlalchemy import text
from testkit.component import ServiceUnderTest, database_of_revision, make_settings

DUMP = Path(__file__).with_name("billing_9582eae.sql")
LAST_DAY = datetime(2026, 12, 15, 2, 0, tzinfo=UTC)
NAMES = "select full_name, subscriber_id from accounts"


@pytest.fixture
def upgraded(make_billing, tmp_path):
    """Billing on the upgraded database, on the day on which the old version last worked."""
    path = tmp_path / "billing.db"
    url = f"sqlite:///{path}"
    old = Database(url)
    migrate(old, "billing_svc", "0002")
    old.close()
    connection = sqlite3.connect(path)
    connection.executescript(DUMP.read_text())
    connection.close()
    new = Database(url)
    migrate(new, "billing_svc")
    new.close()
    clock = FrozenClock(LAST_DAY)
    runtime = Runtime(make_settings("billing", url, tmp_path), clock)
    return make_billing(ServiceUnderTest(runtime, clock))


def people(billing) -> dict[str, str]:
    with billing.runtime.reading() as session:
        return dict(session.execute(text(NAMES)).all())


def bills(billing) -> list[tuple[str, str, str, int, int]]:
    return [
        (view.number, view.subscriber_name, view.status.value, view.total.minor, view.balance.minor)
        for view in billing.invoices()
    ]


OLD_BILLS = [
    ("INV-000001", "Juan", "paid", 150_000, 0),
    ("INV-000002", "Gone", "overdue", 150_000, 150_000),
    ("INV-000003", "Juan", "partially_paid", 150_000, 149_000),
    ("INV-000004", "Gone", "sent", 150_000, 150_000),
    ("INV-000005", "Maria", "paid", 150_000, 0),
    ("INV-000006", "Pedro", "sent", 150_000, 150_000),
    ("INV-000007", "Void", "void", 150_000, 0),
    ("INV-000008", "Void", "void", 150_000, 0),
    ("INV-000009", "Ana", "sent", 150_000, 150_000),
    ("INV-000010", "Again", "sent", 150_000, 150_000),
]


def test_upgrade_keeps_every_invoice_and_creates_none(upgraded):
    upgraded.tick()
    assert bills(upgraded) == OLD_BILLS
    assert upgraded.account(people(upgraded)["Maria"]).credit == Money(50_000)
    assert upgraded.ledger_check().differences == []


def test_upgrade_publishes_what_every_account_owes(upgraded):
    (published,) = upgraded.changed_accounts()
    assert {account.subscriber_id for account in published.accounts} == set(people(upgraded).values())
    for account in published.accounts:
        due = [view.due_on for view in upgraded.invoices(account.subscriber_id) if view.balance.minor]
        assert account.balance == upgraded.account(account.subscriber_id).balance
        assert account.oldest_due_on == min(due, default=None)
    upgraded.pay(people(upgraded)["Juan"], 1_000)
    (later,) = upgraded.changed_accounts()
    assert later.sequence > published.sequence


def test_first_run_after_the_upgrade_bills_its_month_and_lists_earlier_ones(upgraded):
    upgraded.move_to(date(2027, 1, 1))
    upgraded.tick()
    (run,) = [run for run in upgraded.runs() if run.period.start == date(2027, 1, 1)]
    items, names = upgraded.items(run.id), people(upgraded)
    reasons = {name: items[id_].reason for name, id_ in names.items() if id_ in items}
    upgrade = "before the upgrade to this version"
    assert reasons == {
        "Juan": "",
        "Maria": f"Nov 2026 not billed for maria: {upgrade}",
        "Pedro": "",
        "Ana": "",
        "Void": "",
        "Again": f"Dec 2026 not billed for again: {upgrade}",
        "Rosa": f"Dec 2026 not billed for rosa: {upgrade}",
        "Barangay hall": f"Nov 2026 and Dec 2026 not billed for hall: {upgrade}; "
        "nothing to charge: the price after discount is zero",
    }
    new = upgraded.invoices()[len(OLD_BILLS) :]
    assert sorted(view.subscriber_name for view in new) == [
        "Again",
        "Ana",
        "Juan",
        "Maria",
        "Pedro",
        "Rosa",
        "Void",
    ]
    assert {(line.period.start, line.amount.minor) for view in new for line in view.lines} == {
        (date(2027, 1, 1), 150_000)
    }
    assert upgraded.ledger_check().differences == []


def test_months_before_the_upgrade_are_listed_only_once(upgraded):
    for day in (date(2027, 1, 1), date(2027, 2, 1)):
        upgraded.move_to(day)
        upgraded.tick()
    items = upgraded.items(upgraded.runs()[0].id)
    assert items[people(upgraded)["Rosa"]].reason == ""


def test_month_before_the_upgrade_can_still_be_billed_by_hand(upgraded):
    """Rosa joined after the last run of December. The old version would have billed her the same way."""
    upgraded.bill()
    assert [bill[1] for bill in bills(upgraded)[len(OLD_BILLS) :]] == ["Rosa"]


def test_service_terminated_before_the_upgrade_is_billed_only_for_reopened_months(upgraded):
    """The old version did not keep the day on which a service was terminated."""
    gone = people(upgraded)["Gone"]
    assert upgraded.bill(date(2027, 1, 1), subscriber_id=gone).created == 0
    upgraded.void(upgraded.invoices(gone)[-1].id, bill_again=True)  # of December
    for day in (date(2027, 1, 1), date(2027, 2, 1)):
        upgraded.move_to(day)
        upgraded.tick()
    new = [line.period.start for view in upgraded.invoices(gone)[2:] for line in view.lines]
    assert new == [date(2026, 12, 1)]


old = database_of_revision("billing_svc", "0002")

SETTINGS = (
    "insert into settings (id, version, invoice_generation_day, payment_terms_days, grace_period_days,"
    " auto_suspend, suspension_mode, tax_mode, invoice_series, currency, generation_day_set_on,"
    " collections_done_on) values (1, 1, 20, 15, 5, true, 'walled_garden', 'non_vat', 'INV', 'PHP',"
    " '2026-11-02', '2026-12-15')"
)
PLAN = "insert into plan_projections values ('plan', 1, 'Fiber', 150000, 'PHP', 'postpaid')"
SERVICE = (
    "insert into service_projections (service_id, version, subscriber_id, plan_id, pppoe_username, status,"
    " activated_on) values ('{0}', 1, 'juan', 'plan', '{0}', '{0}', '2026-11-20')"
)
RUN = (
    "insert into billing_runs (id, run_on, period_start, period_end, dry_run, automatic, status, total,"
    " created, skipped, failed, amount_minor, started_by, started_at) values ('run', '{0}-20', '{0}-01',"
    " '{1}-01', false, true, 'finished', 0, 0, 0, 0, 0, 'ana', '2026-11-20 00:00:00')"
)


@pytest.mark.parametrize(
    ("last_run", "first_month"),
    [(("2026-11", "2026-12"), "2026-12-01"), (("2026-12", "2027-01"), "2027-01-01")],
)
def test_upgrade_begins_with_the_first_month_that_had_no_automatic_run(old, last_run, first_month):
    """On December 15, December is still to be billed if its billing day, the 20th, is ahead."""
    with old.transaction() as session:
        for row in (SETTINGS, PLAN, RUN.format(*last_run), *map(SERVICE.format, ("active", "terminated"))):
            session.execute(text(row))
    migrate(old, "billing_svc")
    with old.reading() as session:
        kept = session.execute(
            text(
                "select status, billed_from, billed_until, upgraded_in, closed from service_projections"
                " order by status"
            )
        ).all()
        caught_up = session.scalar(text("select catch_up_until from billing_runs"))
    assert [tuple(map(str, row[:4])) for row in kept] == [
        (status, "2026-11-20", first_month, first_month) for status in ("active", "terminated")
    ]
    assert [bool(row.closed) for row in kept] == [False, True]
    assert str(caught_up) == f"{last_run[0]}-01"
