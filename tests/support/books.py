"""Checks, through the API and in the databases, that nothing was lost, doubled or left undone."""

from __future__ import annotations

import psutil
from servicekit.db import Database
from sqlalchemy import TextClause, text

from tests.support.deployment import SERVICES, Deployment
from tests.support.waiting import wait_for_none

UNSENT = text("select count(*) from outbox_messages where sent_at is null")
UNHANDLED = text("select count(*) from inbox_messages where status <> 'done'")


def database_url(deployment: Deployment, service: str) -> str:
    """The database of a service: from its process's environment, or the file of the embedded system."""
    if deployment.mode == "embedded":
        return f"sqlite:///{deployment.data_dir / service}.db"
    return psutil.Process(deployment.pid(service)).environ()[f"{service.upper()}_DATABASE_URL"]


def count(deployment: Deployment, service: str, query: TextClause) -> int:
    database = Database(database_url(deployment, service))
    try:
        with database.reading() as session:
            return int(session.scalar(query) or 0)
    finally:
        database.close()


def assert_all_events_arrived(deployment: Deployment, *, seconds: float) -> None:
    """Wait until every outbox is empty and every event in an inbox has been handled."""

    def left() -> dict[str, int]:
        found = {
            f"{what} in {service}": count(deployment, service, query)
            for service in SERVICES
            if service != "gateway"  # publishes and handles no events
            for what, query in (("unsent", UNSENT), ("unhandled", UNHANDLED))
        }
        return {what: number for what, number in found.items() if number}

    wait_for_none("events", left, seconds=seconds)


def assert_ledger_agrees(deployment: Deployment) -> None:
    assert deployment.api.get("/ledger/check")["differences"] == []


def assert_each_paid_once(deployment: Deployment, expected: dict[str, int]) -> None:
    """`expected` maps the reference of each payment to its amount."""
    found = deployment.api.list("/payments")
    assert len(found) == len(expected)
    assert {payment["reference"]: payment["amount"]["amount"] for payment in found} == expected
