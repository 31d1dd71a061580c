"""Collections: suspending overdue accounts, and restoring those that owe nothing overdue anymore."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from contracts.billing import AccountOverdue, CollectionStatus
from contracts.money import Money
from contracts.receivables import CollectionsAction, CollectionsItem
from servicekit import outbox
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing_svc.domain.invoices import InvoiceState
from billing_svc.lookups import exempted_services, load_settings
from billing_svc.models import Account, Invoice, Settings
from billing_svc.usecases.projections import lock_account
from billing_svc.usecases.settlement import is_clear, open_balances, settle_if_clear

BATCH = 100


@dataclass(frozen=True)
class Standing:
    """An overdue account on a day: the overdue amount, and the invoices old enough to suspend for."""

    overdue: Money
    oldest_due_on: date
    suspendable: list[Invoice]


def accounts_to_judge(session: Session, day: date, after: str | None) -> list[str]:
    """The next accounts, by id, that are overdue on `day` or were reported overdue."""
    overdue = select(Invoice.subscriber_id).where(Invoice.state == InvoiceState.OPEN, Invoice.due_on < day)
    query = select(Account.subscriber_id).where(
        or_(Account.subscriber_id.in_(overdue), Account.suspension_requested)
    )
    if after is not None:
        query = query.where(Account.subscriber_id > after)
    return list(session.scalars(query.order_by(Account.subscriber_id).limit(BATCH)))


def judge(
    session: Session,
    subscriber_id: str,
    *,
    day: date,
    today: date,
    dry_run: bool,
    now: datetime,
    exempted_at: datetime | None = None,
) -> CollectionsItem | None:
    """Suspend or restore one account as of `day`, under its lock and with its current balance.

    An account whose services are all exempted at `exempted_at` (default: now) is left alone; the next run
    judges it again. If only some of them are, it is suspended, and subscriber-svc keeps those up until their
    exemption ends. None if the account is neither overdue nor to be restored. A dry run writes nothing.
    """
    settings = load_settings(session)
    account = lock_account(session, subscriber_id)
    standing = _standing(session, subscriber_id, day, settings)
    if standing is None:
        # A run for a past day, when nothing was overdue yet, must not restore an account overdue today.
        return _restore(session, account, day=max(day, today), dry_run=dry_run, now=now)
    days = (day - standing.oldest_due_on).days
    reason = f"{days} day{'s' if days != 1 else ''} overdue"
    until = _exempted_until(session, subscriber_id, standing.suspendable, exempted_at or now)
    if until is not None and settings.auto_suspend:
        return _item(account, CollectionsAction.EXEMPTED, reason, standing.overdue, until)
    # An invoice whose services were restored can suspend them again, once it is overdue again.
    fresh = [invoice for invoice in standing.suspendable if not invoice.suspends_already]
    if not fresh or not settings.auto_suspend:
        return _item(account, CollectionsAction.MARKED, reason, standing.overdue)
    if not dry_run:
        _suspend(session, account, standing, reason, now)
    return _item(account, CollectionsAction.SUSPENDED, reason, standing.overdue)


def _standing(session: Session, subscriber_id: str, day: date, settings: Settings) -> Standing | None:
    late = [(i, balance) for i, balance in open_balances(session, subscriber_id) if i.due_on < day]
    if not late:
        return None
    return Standing(
        overdue=Money(sum(balance.minor for _, balance in late), settings.currency),
        oldest_due_on=min(invoice.due_on for invoice, _ in late),
        suspendable=[
            invoice for invoice, _ in late if invoice.is_suspendable(day, settings.grace_period_days)
        ],
    )


def _suspend(session: Session, account: Account, standing: Standing, reason: str, now: datetime) -> None:
    for invoice in standing.suspendable:
        invoice.collection_status = CollectionStatus.SUSPENDED
    account.suspension_requested = True
    account.standing_sequence += 1
    outbox.add(
        session,
        AccountOverdue(
            subscriber_id=account.subscriber_id,
            sequence=account.standing_sequence,
            service_ids=sorted(_owing(standing.suspendable)),
            overdue=standing.overdue,
            reason=reason,
        ),
        now=now,
    )


def _owing(invoices: list[Invoice]) -> set[str]:
    """The services that the invoices charge for: a free one on the same invoice owes nothing."""
    return {line.service_id for invoice in invoices for line in invoice.lines if line.amount_minor}


def _exempted_until(
    session: Session, subscriber_id: str, invoices: list[Invoice], at: datetime
) -> datetime | None:
    """When the first of the services on these invoices can be suspended; None if one can be now."""
    exempted = exempted_services(session, subscriber_id, at)
    services = _owing(invoices) if exempted else set()
    if not services or not services <= exempted.keys():
        return None
    return min(exempted[service_id] for service_id in services)


def _restore(
    session: Session, account: Account, *, day: date, dry_run: bool, now: datetime
) -> CollectionsItem | None:
    """A safety net: a payment restores an account when it arrives, so this rarely finds one."""
    settled = is_clear(session, account, day)
    if settled and not dry_run:
        settle_if_clear(session, account, cause=None, now=now, today=day)
    if not settled:
        return None
    nothing = Money(0, load_settings(session).currency)
    return _item(account, CollectionsAction.RESTORED, "nothing overdue", nothing)


def _item(
    account: Account,
    action: CollectionsAction,
    reason: str,
    overdue: Money,
    exempted_until: datetime | None = None,
) -> CollectionsItem:
    return CollectionsItem(account.subscriber_id, account.full_name, action, reason, overdue, exempted_until)
