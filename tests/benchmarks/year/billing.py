"""Rows of the billing service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from billing_svc import models as billing
from billing_svc.domain import ledger
from billing_svc.domain.invoices import InvoiceState, number_of
from billing_svc.domain.periods import period_of
from billing_svc.lookups import load_settings
from billing_svc.usecases.settings import ensure_settings
from contracts.billing import CollectionStatus, PriceSource
from contracts.billing_runs import ItemOutcome, RunStatus
from contracts.billing_settings import FirstMonth
from contracts.money import Money
from contracts.subscriber import BillingType
from servicekit.clock import local_date
from servicekit.db import Database
from servicekit.paging import folded

from tests.benchmarks.copying import copy_rows
from tests.benchmarks.year.books import MONTHS, PLANS, ZONE, Invoice, Payment, Year
from tests.benchmarks.year.people import Person


def seed_billing(database: Database, year: Year) -> None:
    with database.transaction() as session:
        ensure_settings(session, now=year.now, today=year.today)
        load_settings(session, lock=True).collections_done_on = year.today
    series = {"prefix": "INV", "next_number": len(year.invoices) + 1}
    copy_rows(database, billing.InvoiceSeries, [series])
    plans = [
        {
            "plan_id": plan_id,
            "version": 1,
            "name": name,
            "price_minor": price,
            "currency": "PHP",
            "billing_type": BillingType.POSTPAID,
        }
        for plan_id, (name, price, _kbps) in zip(year.plan_ids, PLANS, strict=True)
    ]
    copy_rows(database, billing.PlanProjection, plans)
    copy_rows(database, billing.Account, map(_account, year.people))
    copy_rows(database, billing.ServiceProjection, (_projection(year, person) for person in year.people))
    numbered = [(number_of("INV", number), invoice) for number, invoice in enumerate(year.invoices, 1)]
    copy_rows(database, billing.Invoice, (_invoice(number, invoice) for number, invoice in numbered))
    copy_rows(database, billing.InvoiceLine, (_line(year, invoice) for invoice in year.invoices))
    copy_rows(database, billing.ReceivedPayment, map(_received, year.payments))
    copy_rows(database, billing.Allocation, _allocations(year))
    copy_rows(database, billing.LedgerEntry, _entries(year))
    copy_rows(database, billing.BillingRun, (_run(year, number) for number in range(MONTHS)))
    copy_rows(database, billing.BillingRunItem, _run_items(year))


def _account(person: Person) -> dict[str, Any]:
    return {
        "subscriber_id": person.subscriber_id,
        "subscriber_version": 1,
        "full_name": person.full_name,
        "name_key": folded(person.full_name),
        "standing_sequence": 1 if person.suspended else 0,
        "suspension_requested": person.suspended,
    }


def _projection(year: Year, person: Person) -> dict[str, Any]:
    return {
        "service_id": person.service_id,
        "version": 1,
        "subscriber_id": person.subscriber_id,
        "plan_id": year.plan_ids[year.plan_of(person)],
        "pppoe_username": person.username,
        "status": person.status,
        "billed_from": local_date(person.created_at, ZONE),
        "billed_until": period_of(year.months[-1]).end,
        "closed": person.terminated,
    }


def _invoice(number: str, invoice: Invoice) -> dict[str, Any]:
    period = period_of(invoice.month)
    return {
        "id": invoice.id,
        "number": number,
        "subscriber_id": invoice.person.subscriber_id,
        "subscriber_name": invoice.person.full_name,
        "state": InvoiceState.PAID if invoice.is_paid else InvoiceState.OPEN,
        "collection_status": CollectionStatus.SUSPENDED if invoice.suspends else CollectionStatus.PENDING,
        "period_start": period.start,
        "period_end": period.end,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "total_minor": invoice.total,
        "currency": "PHP",
        "created_at": invoice.created_at,
    }


def _line(year: Year, invoice: Invoice) -> dict[str, Any]:
    plan, period = year.plan_of(invoice.person), period_of(invoice.month)
    return {
        "id": year.new_id(invoice.created_at),
        "invoice_id": invoice.id,
        "service_id": invoice.person.service_id,
        "description": PLANS[plan][0],
        "period_start": period.start,
        "period_end": period.end,
        "plan_id": year.plan_ids[plan],
        "plan_name": PLANS[plan][0],
        "price_minor": invoice.total,
        "price_source": PriceSource.PLAN,
        "discount_minor": 0,
        "tax_minor": 0,
        "amount_minor": invoice.total,
    }


def _received(paid: Payment) -> dict[str, Any]:
    return {
        "payment_id": paid.id,
        "subscriber_id": paid.person.subscriber_id,
        "amount_minor": paid.amount,
        "currency": "PHP",
        "received_on": paid.received_on,
        "exhausted": paid.invoice is not None,
    }


def _allocations(year: Year) -> Iterator[dict[str, Any]]:
    for paid in year.payments:
        if paid.invoice is not None:
            yield {
                "id": year.new_id(paid.recorded_at),
                "payment_id": paid.id,
                "invoice_id": paid.invoice.id,
                "amount_minor": paid.amount,
                "allocated_at": paid.recorded_at,
            }


def _entries(year: Year) -> Iterator[dict[str, Any]]:
    for invoice in year.invoices:
        yield from ledger.invoice_issued(
            invoice_id=invoice.id,
            subscriber_id=invoice.person.subscriber_id,
            total=Money(invoice.total),
            tax=Money(0),
            on=invoice.issued_on,
            at=invoice.created_at,
        )
    for paid in year.payments:
        yield from ledger.payment_received(
            payment_id=paid.id,
            subscriber_id=paid.person.subscriber_id,
            method=paid.method.value,
            amount=Money(paid.amount),
            on=paid.received_on,
            at=paid.recorded_at,
        )


def _run(year: Year, number: int) -> dict[str, Any]:
    month = year.months[number]
    period, at = period_of(month), year.at(month, 0)
    size = len(year.people)
    return {
        "id": year.run_ids[number],
        "run_on": month,
        "period_start": period.start,
        "period_end": period.end,
        "catch_up_until": period.start,
        "first_month": FirstMonth.FULL,
        "voided_too": False,
        "same_login_too": False,
        "dry_run": False,
        "automatic": True,
        "status": RunStatus.FINISHED,
        "total": size,
        "created": size,
        "skipped": 0,
        "failed": 0,
        "amount_minor": sum(PLANS[year.plan_of(person)][1] for person in year.people),
        "started_by": "billing",
        "started_at": at,
        "finished_at": at,
    }


def _run_items(year: Year) -> Iterator[dict[str, Any]]:
    run_of = dict(zip(year.months, year.run_ids, strict=True))
    for invoice in year.invoices:
        yield {
            "run_id": run_of[invoice.month],
            "subscriber_id": invoice.person.subscriber_id,
            "subscriber_name": invoice.person.full_name,
            "outcome": ItemOutcome.CREATED,
            "reason": "",
            "invoice_id": invoice.id,
            "amount_minor": invoice.total,
        }
