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
from sqlalchemy import Row, Subquery, and_, case, func, or_, select
from sqlalchemy.orm import Session

from billing_svc.domain.invoices import InvoiceState
from billing_svc.domain.periods import check_near, suspend_from
from billing_svc.lookups import is_exempted, left_to_pay, load_settings
from billing_svc.models import Account, ExemptionProjection, Invoice, InvoiceLine, Settings


def list_suspensions_due(
    session: Session, until: date, limit: int, after: str | None, *, now: datetime, zone: ZoneInfo
) -> SuspensionsDue:
    """`overdue` is what it will be on `until` if no one pays. Accounts whose owing services are all
    exempted are listed with the day on which the first exemption ends.

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
        order=Order(func.coalesce(due.c.run_due_on, due.c.first_due_on)),
    )
    items = _views(session, page.items, due, settings, today, zone)
    return SuspensionsDue(
        until, True, count, Money(int(overdue or 0), settings.currency), Page(items, page.next)
    )


def _accounts_due(until: date, settings: Settings, now: datetime, zone: ZoneInfo) -> Subquery:
    """The rule of usecases.collections.judge, for all accounts at once.

    An account is left alone while all of its owing services are exempted. Once one of them is not, a run
    suspends it for an invoice that did not suspend it yet: `run_due_on` decides on which day. If all are
    exempted, it is suspended when the first exemption ends.
    """
    suspends = _suspending(until, settings, now)
    after_until = datetime.combine(until + timedelta(days=1), time(), zone)
    run_due_on = case(
        (suspends.c.unexempted_due_on > suspends.c.fresh_due_on, suspends.c.unexempted_due_on),
        (suspends.c.unexempted_due_on.is_not(None), suspends.c.fresh_due_on),
    )
    ends_in_time = suspends.c.exempted_until < after_until
    owed = (
        select(
            Invoice.subscriber_id,
            func.min(Invoice.due_on).label("oldest_due_on"),
            func.sum(left_to_pay()).label("overdue"),
        )
        .where(Invoice.state == InvoiceState.OPEN, Invoice.due_on < until)
        .group_by(Invoice.subscriber_id)
        .subquery()
    )
    return (
        select(
            owed,
            suspends.c.first_due_on,
            suspends.c.unexempted_due_on,
            run_due_on.label("run_due_on"),
            case((ends_in_time, suspends.c.exempted_until)).label("exempted_until"),
        )
        .join(suspends, suspends.c.subscriber_id == owed.c.subscriber_id)
        .where(or_(run_due_on.is_not(None), and_(suspends.c.unexempted_due_on.is_(None), ends_in_time)))
        .subquery()
    )


def _suspending(until: date, settings: Settings, now: datetime) -> Subquery:
    """By account, about its invoices that can suspend it by `until`: the first due date, also of those for a
    service that is not exempted now and of those that did not suspend it yet; and when the first exemption of
    their services ends."""
    exempted = (
        select(ExemptionProjection.service_id, func.max(ExemptionProjection.until).label("until"))
        .where(is_exempted(now))
        .group_by(ExemptionProjection.service_id)
        .subquery()
    )
    return (
        select(
            Invoice.subscriber_id,
            func.min(Invoice.due_on).label("first_due_on"),
            func.min(case((exempted.c.until.is_(None), Invoice.due_on))).label("unexempted_due_on"),
            func.min(case((~Invoice.suspends_already, Invoice.due_on))).label("fresh_due_on"),
            func.min(exempted.c.until).label("exempted_until"),
        )
        .join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .outerjoin(exempted, exempted.c.service_id == InvoiceLine.service_id)
        .where(
            Invoice.state == InvoiceState.OPEN,
            Invoice.due_on < until,
            Invoice.is_suspendable(until, settings.grace_period_days),
            InvoiceLine.amount_minor > 0,
        )
        .group_by(Invoice.subscriber_id)
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
    def from_due(due_on: date) -> date:
        return max(today, suspend_from(due_on, settings.grace_period_days))

    exempted_until, suspend_on = due.exempted_until, None
    if exempted_until is not None:
        ends_on = local_date(exempted_until, zone)
        if due.unexempted_due_on is None or ends_on < from_due(due.unexempted_due_on):
            suspend_on = max(ends_on, from_due(due.first_due_on))
    return SuspensionDue(
        subscriber_id=account.subscriber_id,
        subscriber_name=account.full_name,
        overdue=Money(int(due.overdue), settings.currency),
        oldest_due_on=due.oldest_due_on,
        suspend_on=suspend_on or from_due(due.run_due_on),
        exempted_until=exempted_until if suspend_on else None,
    )
