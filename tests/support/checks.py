"""Checkers: one line in a test for a fact that involves several fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support.api import Problem
from tests.support.isp import FENCE, FENCED_RATE, PLAN_RATE, SECONDS, Household

PROMISED_SECONDS = 30


def assert_invoice(
    invoice: dict[str, Any],
    *,
    total: int,
    status: str,
    paid: int = 0,
    collection_status: str | None = None,
) -> None:
    assert invoice["total"] == {"amount": total, "currency": "PHP"}
    assert invoice["balance"]["amount"] == total - paid
    assert invoice["status"] == status
    assert collection_status in (None, invoice["collection_status"])


def assert_up(household: Household, rate: str = PLAN_RATE) -> None:
    """Its service is active, and its router is online at the plan's speed and not fenced."""
    household.wait_status("active", reasons=set())
    household.wait_rate(rate)


def assert_fenced(household: Household, *, reasons: set[str]) -> None:
    """Its service is suspended for these reasons, and its router is online in the walled garden."""
    household.wait_status("suspended", reasons=reasons)
    session = household.home.wait_fenced(SECONDS, FENCE)
    assert session.rate_limit == FENCED_RATE


def assert_reconnected(case: dict[str, Any]) -> None:
    """All times of a reconnect are known, in order, and within the promise."""
    names = ("paid_at", "released_at", "router_acked_at", "online_at")
    times = [datetime.fromisoformat(case[name]) for name in names]
    assert times == sorted(times), case
    assert 0 < case["seconds"] < PROMISED_SECONDS


def assert_refused(status: int, field: str | None, message: str) -> Any:
    """`with assert_refused(422, "amount", "more than zero"):` expects the call inside to be refused so."""

    def says(problem: Problem) -> bool:
        said = problem.detail if field is None else problem.fields.get(field, "")
        return problem.status == status and message in said

    return pytest.raises(Problem, check=says)


def run_item(run: dict[str, Any], household: Household) -> dict[str, Any]:
    """What a billing run reports about this household."""
    items = household.deployment.api.list(f"/billing-runs/{run['id']}/items")
    (item,) = (item for item in items if item["subscriber_id"] == household.id)
    return item


def assert_line_events(household: Household, expected: list[str]) -> None:
    """Everything that happened on the line, in order: "online", "offline <why>", "<request> <outcome>"."""

    def told(event: dict[str, Any]) -> str:
        if event["kind"] == "request":
            return f"{event['request']} {event['outcome']}"
        return f"offline {event['detail']}" if event["kind"] == "offline" else "online"

    events = household.deployment.api.get(f"/services/{household.service_id}/events", limit=200)["data"]
    assert [told(event) for event in reversed(events)] == expected


def assert_books_agree(household: Household) -> None:
    """Everyone's ledger agrees with their invoices and payments."""
    assert household.deployment.api.get("/ledger/check")["differences"] == []
