"""Rows of the payment service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from payment_svc import models as payment
from servicekit.db import Database
from servicekit.paging import folded

from tests.benchmarks.copying import copy_rows
from tests.benchmarks.year.books import OPERATORS, Year


def seed_payment(database: Database, year: Year) -> None:
    names = (
        {
            "subscriber_id": person.subscriber_id,
            "version": 1,
            "full_name": person.full_name,
            "name_key": folded(person.full_name),
        }
        for person in year.people
    )
    copy_rows(database, payment.SubscriberProjection, names)
    copy_rows(database, payment.Payment, _payments(year))


def _payments(year: Year) -> Iterator[dict[str, Any]]:
    for number, paid in enumerate(year.payments):
        reference = f"GC-{number:08d}"
        yield {
            "id": paid.id,
            "subscriber_id": paid.person.subscriber_id,
            "invoice_id": paid.invoice.id if paid.invoice else None,
            "amount_minor": paid.amount,
            "currency": "PHP",
            "method": paid.method,
            "reference": reference,
            "reference_key": folded(reference),
            "received_on": paid.received_on,
            "recorded_at": paid.recorded_at,
            "recorded_by": year.operators[number % OPERATORS],
        }
