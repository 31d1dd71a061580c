"""Rows of the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from gateway.identity import passwords
from servicekit.db import Database
from servicekit.ids import new_id as new_correlation_id

from gateway import models as gateway
from tests.benchmarks.copying import copy_rows
from tests.benchmarks.year.books import OPERATORS, Year
from tests.support.deployment import OWNER_PASSWORD

AUDIT_ENTRIES_PER_SUBSCRIBER = 5
OPERATOR_NAMES = ("Liza Ramos", "Mark Lim", "Joy Santos", "Ben Cruz")


def seed_gateway(database: Database, year: Year) -> None:
    began = year.at(year.months[0], 0)
    ids = [year.new_id(began) for _ in year.operators]
    password_hash = passwords.hash_password(OWNER_PASSWORD)
    operators = (
        {
            "id": operator_id,
            "email": email,
            "full_name": OPERATOR_NAMES[number % len(OPERATOR_NAMES)],
            "role": gateway.Role.ADMIN if number else gateway.Role.OWNER,
            "password_hash": password_hash,
            "disabled": False,
            "created_at": began,
        }
        for number, (operator_id, email) in enumerate(zip(ids, year.operators, strict=True))
    )
    copy_rows(database, gateway.Operator, operators)
    copy_rows(database, gateway.AuditEntry, _audit(year, ids))


def _audit(year: Year, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    done = (
        ("admin.record_payment", "POST /invoices/<invoice_id>/payments", "/invoices/1/payments"),
        ("admin.edit_subscriber", "POST /subscribers/<subscriber_id>/edit", "/subscribers/1/edit"),
        ("admin.login", "POST /login", "/login"),
    )
    total = AUDIT_ENTRIES_PER_SUBSCRIBER * len(year.people)
    for number in range(total):
        event, action, path = done[number % len(done)]
        person = year.people[number % len(year.people)]
        yield {
            "recorded_at": year.now - timedelta(days=300) * ((total - number) / total),
            "operator_id": ids[number % OPERATORS],
            "actor": year.operators[number % OPERATORS],
            "role": gateway.Role.ADMIN.value,
            "address": "10.0.0.5",
            "event": event,
            "action": action,
            "path": path,
            "record_id": person.subscriber_id,
            "correlation_id": new_correlation_id(),
        }
