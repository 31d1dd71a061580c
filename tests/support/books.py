"""Proof, from outside and from the databases, that nothing was lost, doubled or left undone."""

from __future__ import annotations

import psutil
from sqlalchemy import create_engine, text

from tests.support.deployment import SERVICES, Deployment
from tests.support.waiting import wait_for

UNSENT = text("select count(*) from outbox_messages where sent_at is null")
UNHANDLED = text("select count(*) from inbox_messages where status <> 'done'")


def database_url(deployment: Deployment, service: str) -> str:
    """Where the service keeps its data: as its process was told, or the file of the embedded system."""
    if deployment.mode == "embedded":
        return f"sqlite:///{deployment.data_dir / service}.db"
    return psutil.Process(deployment.pid(service)).environ()[f"{service.upper()}_DATABASE_URL"]


def count(deployment: Deployment, service: str, query: text) -> int:
    engine = create_engine(database_url(deployment, service))
    try:
        with engine.connect() as connection:
            return connection.scalar(query)
    finally:
        engine.dispose()


def assert_all_events_arrived(deployment: Deployment, *, seconds: float) -> None:
    """Every outbox is empty, and no inbox holds an event that waits or was given up on."""
    for service in SERVICES:
        if service == "gateway":
            continue  # says and hears nothing
        for what, query in (("unsent", UNSENT), ("unhandled", UNHANDLED)):
            wait_for(
                f"{service} has no {what} events",
                lambda service=service, query=query: count(deployment, service, query) == 0,
                seconds=seconds,
                pause=0.1,
            )


def assert_ledger_agrees(deployment: Deployment) -> None:
    assert deployment.api.get("/ledger/check")["differences"] == []


def assert_each_paid_once(deployment: Deployment, expected: dict[str, int]) -> None:
    """`expected`: reference -> amount, of all payments there are."""
    found = deployment.api.list("/payments")
    assert len(found) == len(expected)
    assert {payment["reference"]: payment["amount"]["amount"] for payment in found} == expected
