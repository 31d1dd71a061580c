"""Collections runs: suspending overdue subscribers and restoring the ones that have paid."""

from __future__ import annotations

from datetime import date as Date

from contracts.billing import RunCollections
from contracts.receivables import CollectionsAction, CollectionsRunView
from pydantic import AwareDatetime

from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import MoneyShape, Shape
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.http.access import Permission
from gateway.resources.fields import Day, Input


class NewCollectionsRun(Input):
    """Only a dry run looks ahead: a real run with a future `date` judges by today."""

    date: Day | None = None
    dry_run: bool = False


class CollectionsItemShape(Shape):
    """`exempted_until` is set for accounts that are not suspended because of an exemption."""

    subscriber_id: str
    subscriber_name: str
    action: CollectionsAction
    reason: str
    overdue: MoneyShape
    exempted_until: AwareDatetime | None


class CollectionsRunShape(Shape):
    """`date` is the day by which subscribers were judged. `items` has at most the first 1,000."""

    date: Date
    dry_run: bool
    marked: int
    suspended: int
    restored: int
    exempted: int
    items: list[CollectionsItemShape]


@endpoint(
    "POST",
    "/collections-runs",
    permission=Permission.RUN_BILLING,
    body=NewCollectionsRun,
    answer=CollectionsRunShape,
    event=Event("api.run_collections", "Ran collections"),
)
def run_collections(body: NewCollectionsRun) -> CollectionsRunView:
    """Mark, suspend and restore what is due on a day; a dry run only reports it."""
    command = RunCollections(date=body.date, dry_run=body.dry_run, **by_operator())
    return services().billing.run_collections(command)
