"""Billing runs: one invoice per subscriber for all unbilled months. It is safe to start one again."""

from __future__ import annotations

from datetime import date as Date
from typing import Annotated

from contracts.billing_runs import BillingRunView, ItemOutcome, NextRun, RunItem, RunStatus
from contracts.billing_settings import FirstMonth
from contracts.common import Page
from pydantic import AwareDatetime

from gateway.api.queries import Query
from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Listing, MoneyShape, Paging, PeriodShape, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.billing import NewBillingRun, VoidRunRequest
from gateway.resources.fields import one_of

Outcome = Annotated[ItemOutcome, one_of(ItemOutcome)]


class ItemQuery(Paging):
    outcome: Outcome | None = None


class RunItemShape(Shape):
    """The result for one subscriber. `reason` also names the months that are not billed."""

    subscriber_id: str
    subscriber_name: str
    outcome: ItemOutcome
    reason: str
    invoice_id: str | None
    amount: MoneyShape | None


class BillingRunShape(Shape):
    """`total` counts all subscribers of the run; created, skipped and failed count those done so far.

    `first_month` is the billing setting at the start of the run: the month in which billing of a service
    begins is charged in full, or it is free. `voided`: how many of its invoices are void now; always 0 in
    lists.
    """

    id: str
    date: Date
    period: PeriodShape
    dry_run: bool
    subscriber_id: str | None
    first_month: FirstMonth
    voided_too: bool
    same_login_too: bool
    status: RunStatus
    total: int
    created: int
    skipped: int
    failed: int
    amount: MoneyShape
    voided: int
    error: str | None
    started_at: AwareDatetime
    finished_at: AwareDatetime | None


class NextRunQuery(Query):
    invoice_generation_day: int | None = None


class NextRunShape(Shape):
    """`catches_up` are earlier months that have had no automatic run. The run bills them too."""

    date: Date
    period: PeriodShape
    catches_up: list[PeriodShape]


class BillingRunWithItems(BillingRunShape):
    items: Listing[RunItemShape]


@endpoint(
    "POST",
    "/billing-runs",
    permission=Permission.RUN_BILLING,
    body=NewBillingRun,
    answer=BillingRunShape,
    status=202,
    event=Event("api.start_billing_run", "Generated or previewed invoices", "billing run"),
)
def start_billing_run(body: NewBillingRun) -> BillingRunView:
    """Start generating invoices for a month and for earlier months that are not billed yet."""
    command = body.command(by_operator())
    return services().billing.start_billing_run(command)


@endpoint(
    "GET", "/billing-runs", permission=Permission.VIEW_BILLING, query=Paging, answer=Listing[BillingRunShape]
)
def list_billing_runs(query: Paging) -> Page[BillingRunView]:
    """List the billing runs, newest first."""
    return services().billing.list_billing_runs(query.limit, query.after)


@endpoint(
    "GET",
    "/billing-runs/next",
    permission=Permission.VIEW_BILLING,
    query=NextRunQuery,
    answer=NextRunShape,
)
def get_next_run(query: NextRunQuery) -> NextRun:
    """Show when the next automatic run is, and for which months.

    With `invoice_generation_day`, as if this billing setting were changed today.
    """
    return services().billing.get_next_run(query.invoice_generation_day)


@endpoint(
    "GET",
    "/billing-runs/<run_id>",
    permission=Permission.VIEW_BILLING,
    query=ItemQuery,
    answer=BillingRunWithItems,
)
def get_billing_run(run_id: str, query: ItemQuery) -> BillingRunWithItems:
    """Show a billing run: its progress and a page of its results."""
    run = BillingRunShape.of(services().billing.get_billing_run(run_id))
    items = Listing[RunItemShape].of(_items(run_id, query))
    return BillingRunWithItems(**dict(run), items=items)


@endpoint(
    "POST",
    "/billing-runs/<run_id>/void",
    permission=Permission.RUN_BILLING,
    body=VoidRunRequest,
    answer=BillingRunShape,
    event=Event("api.void_billing_run", "Voided the invoices of a billing run", "billing run"),
)
def void_billing_run(run_id: str, body: VoidRunRequest) -> BillingRunView:
    """Void all invoices of a billing run.

    Only while none of them has been paid since. Credit that they used becomes credit again, and the next run
    bills their months again. It is safe to repeat.
    """
    return services().billing.void_billing_run(body.command(run_id, by_operator()))


@endpoint(
    "GET",
    "/billing-runs/<run_id>/items",
    permission=Permission.VIEW_BILLING,
    query=ItemQuery,
    answer=Listing[RunItemShape],
)
def list_billing_run_items(run_id: str, query: ItemQuery) -> Page[RunItem]:
    """List the results of a billing run by subscriber."""
    return _items(run_id, query)


def _items(run_id: str, query: ItemQuery) -> Page[RunItem]:
    return services().billing.list_billing_run_items(run_id, query.outcome, query.limit, query.after)
