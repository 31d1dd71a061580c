"""The accounts that the collections run will suspend, found as in a dry run but without locks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.common import InvalidInput, Page
from contracts.money import Money
from contracts.receivables import SuspensionDue, SuspensionsDue
from servicekit.clock import local_date
from servicekit.paging import Order, page_of
from sqlalchemy import Row, Subquery, case, func, select
from sqlalchemy.orm import Session

from billing_svc.domain.invoices import InvoiceState
from billing_svc.domain.periods import check_near, suspend_from
from billing_svc.lookups import is_exempted, left_to_pay, load_settings
from billing_svc.models import Account, ExemptionProjection, Invoice, Settings


def list_suspensions_due(
    session: Session, until: date, limit: int, after: str | None, *, now: datetime, zone: ZoneInfo
) -> SuspensionsDue:
    """`overdue` is what it will be on `until` if no one pays. Accounts with an exempted service are listed
    with the day on which it ends.

    Raises InvalidInput for a day in the past or more than a year away.
    """
    today = local_date(now, zone)
    if check_near("until", until, today) < today:
        raise InvalidInput.of("until", f"{until} is in the past; use today or a later date")
    settings = load_settings(session)
    if not settings.auto_suspend:
        return SuspensionsDue(until, False, 0, Money(0, settings.currency), Page([]))
    due = _accounts_due(until, settings, now, zone)
    count, overdue = session.execute(select(func.count(), func.sum(due.c.overdue))).one()
    page = page_of(
        session,
        select(Account).join(due, due.c.subscriber_id == Account.subscriber_id),
        Account.subscriber_id,
        lambda account: account,
        limit=limit,
        after=after,
        order=Order(due.c.first_due_on),
    )
    items = _views(session, page.items, due, settings, today, zone)
    return SuspensionsDue(
        until, True, count, Money(int(overdue or 0), settings.currency), Page(items, page.next)
    )


def _accounts_due(until: date, settings: Settings, now: datetime, zone: ZoneInfo) -> Subquery:
    """The rule of usecases.collections.judge, for all accounts at once.

    `first_due_on` is the due date of the oldest invoice that suspends, which decides on which day it does. An
    invoice that suspends already does so again when an exemption of one of its account's services ends.
    """
    exempted = (
        select(ExemptionProjection.subscriber_id, func.min(ExemptionProjection.until).label("until"))
        .where(is_exempted(now))
        .group_by(ExemptionProjection.subscriber_id)
        .subquery()
    )
    is_new = ~Invoice.suspends_already | exempted.c.until.is_not(None)
    suspends = Invoice.is_suspendable(until, settings.grace_period_days) & is_new
    first_due_on = func.min(case((suspends, Invoice.due_on)))
    after_until = datetime.combine(until + timedelta(days=1), time(), zone)
    return (
        select(
            Invoice.subscriber_id,
            first_due_on.label("first_due_on"),
            func.min(Invoice.due_on).label("oldest_due_on"),
            func.sum(left_to_pay()).label("overdue"),
            func.min(exempted.c.until).label("exempted_until"),
        )
        .outerjoin(exempted, exempted.c.subscriber_id == Invoice.subscriber_id)
        .where(
            Invoice.state == InvoiceState.OPEN,
            Invoice.due_on < until,
            exempted.c.until.is_(None) | (exempted.c.until < after_until),
        )
        .group_by(Invoice.subscriber_id)
        .having(first_due_on.is_not(None))
        .subquery()
    )


def _views(
    session: Session,
    accounts: Sequence[Account],
    due: Subquery,
    settings: Settings,
    today: date,
    zone: ZoneInfo,
) -> list[SuspensionDue]:
    ids = [account.subscriber_id for account in accounts]
    rows = session.execute(select(due).where(due.c.subscriber_id.in_(ids)))
    by_id = {row.subscriber_id: row for row in rows}
    return [_view(account, by_id[account.subscriber_id], settings, today, zone) for account in accounts]


def _view(account: Account, due: Row, settings: Settings, today: date, zone: ZoneInfo) -> SuspensionDue:
    suspend_on = max(today, suspend_from(due.first_due_on, settings.grace_period_days))
    if due.exempted_until is not None:
        suspend_on = max(suspend_on, local_date(due.exempted_until, zone))
    return SuspensionDue(
        subscriber_id=account.subscriber_id,
        subscriber_name=account.full_name,
        overdue=Money(int(due.overdue), settings.currency),
        oldest_due_on=due.oldest_due_on,
        suspend_on=suspend_on,
        exempted_until=due.exempted_until,
    )
