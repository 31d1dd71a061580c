"""Partial indexes of flags are used on both databases."""

from __future__ import annotations

from datetime import date

import pytest
from billing_svc.models import InvoiceLine, ReceivedPayment, ServiceProjection
from servicekit.db import is_set, is_unset
from sqlalchemy import Select, select, text


@pytest.mark.parametrize(
    ("found", "index"),
    [
        (
            select(ServiceProjection.subscriber_id).where(
                is_unset(ServiceProjection.closed), ServiceProjection.subscriber_id > "a"
            ),
            "ix_service_projections_billable",
        ),
        (
            select(InvoiceLine.invoice_id, InvoiceLine.amount_minor).where(
                InvoiceLine.period_start == date(2026, 12, 1), is_unset(InvoiceLine.voided)
            ),
            "ix_invoice_lines_period_start",
        ),
        (
            select(InvoiceLine.service_id).where(
                InvoiceLine.service_id.in_(["a", "b"]), is_set(InvoiceLine.reopened)
            ),
            "ix_invoice_lines_reopened",
        ),
        (
            select(ReceivedPayment.subscriber_id).where(is_unset(ReceivedPayment.exhausted)),
            "ix_received_payments_credit",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_condition_on_a_flag_uses_its_partial_index(tested, found: Select, index: str):
    database = tested.runtime.database
    with database.transaction() as session:
        if database.is_sqlite:
            explain = "explain query plan "
        else:
            explain = "explain "
            session.execute(text("set local enable_seqscan = off"))  # the tables are empty
        bound = {"compile_kwargs": {"literal_binds": True}}
        statement = str(found.compile(session.get_bind(), **bound))
        plan = str(session.execute(text(explain + statement)).all())
    assert index in plan
