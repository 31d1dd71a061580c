"""Reading subscribers, plans and services. Lists are paged or bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from contracts import account_number
from contracts.access import COVERED
from contracts.common import Page
from contracts.holds import HoldChange
from contracts.money import DEFAULT_CURRENCY, Money
from contracts.subscriber import (
    BalanceList,
    PlanView,
    ServiceOwner,
    ServiceStatus,
    ServiceView,
    SubscriberView,
)
from contracts.subscriber_lists import MoneyState, ServiceCounts, SubscriberOrder, SubscriberQuery
from servicekit import loading
from servicekit.paging import MAX_PAGE_SIZE, Order, folded, page_of, searched
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from subscriber_svc.domain.access import BILLING
from subscriber_svc.models import Exemption, Hold, Plan, Service, Subscriber
from subscriber_svc.views import (
    exemption_change,
    hold_change,
    plan_view,
    service_view,
    subscriber_view,
)

ORDERS = {
    SubscriberOrder.NEWEST: None,
    SubscriberOrder.NAME: Order(Subscriber.name_key),
    SubscriberOrder.NAME_DESCENDING: Order(Subscriber.name_key, descending=True),
    SubscriberOrder.BALANCE: Order(Subscriber.balance_minor),
    SubscriberOrder.BALANCE_DESCENDING: Order(Subscriber.balance_minor, descending=True),
    SubscriberOrder.OLDEST_DUE: Order(Subscriber.oldest_due_on),
}
MAX_AREAS = 500
WITH_SERVICES = (
    selectinload(Subscriber.services).selectinload(Service.holds),
    selectinload(Subscriber.services).selectinload(Service.exemptions),
    selectinload(Subscriber.services).joinedload(Service.plan),
)


def get_plan(session: Session, plan_id: str) -> PlanView:
    """Raises NotFound if there is no such plan."""
    return plan_view(loading.get(session, Plan, plan_id))


def list_plans(session: Session, limit: int, after: str | None) -> Page[PlanView]:
    return page_of(session, select(Plan), Plan.id, plan_view, limit=limit, after=after)


def get_subscriber(session: Session, subscriber_id: str, now: datetime) -> SubscriberView:
    """Raises NotFound if there is no such subscriber."""
    return subscriber_view(loading.get(session, Subscriber, subscriber_id, options=WITH_SERVICES), now)


def find_subscriber_by_short_id(session: Session, short_id: str, now: datetime) -> SubscriberView | None:
    subscriber = session.scalar(
        select(Subscriber).where(Subscriber.short_id == short_id).options(*WITH_SERVICES)
    )
    return subscriber_view(subscriber, now) if subscriber else None


def get_service(session: Session, service_id: str, now: datetime) -> ServiceView:
    """Raises NotFound if there is no such service."""
    return service_view(loading.get(session, Service, service_id), now)


def list_subscribers(
    session: Session, query: SubscriberQuery, limit: int, after: str | None, now: datetime, today: date
) -> Page[SubscriberView]:
    """Status, plan and router must match the same service: a live one, unless the status is TERMINATED."""
    order = ORDERS[query.order]
    return page_of(
        session,
        select(Subscriber).where(*_conditions(query, now, today)).options(*WITH_SERVICES),
        Subscriber.id,
        lambda subscriber: subscriber_view(subscriber, now),
        limit=limit,
        after=after,
        order=order,
    )


def list_balances(
    session: Session, query: SubscriberQuery, limit: int, after: str | None, now: datetime, today: date
) -> BalanceList:
    """The subscribers of the query, with their number and the sum of what they owe."""
    sums = select(
        func.count(), func.sum(Subscriber.balance_minor), func.max(Subscriber.balance_currency)
    ).where(*_conditions(query, now, today))
    number, minor, currency = session.execute(sums).one()
    page = list_subscribers(session, query, limit, after, now, today)
    return BalanceList(number, Money(int(minor or 0), currency or DEFAULT_CURRENCY), page)


def list_areas(session: Session) -> list[str]:
    """One spelling of each area, up to MAX_AREAS."""
    areas = select(func.min(Subscriber.area)).where(Subscriber.area_key != "")
    return list(
        session.scalars(areas.group_by(Subscriber.area_key).order_by(Subscriber.area_key).limit(MAX_AREAS))
    )


def _conditions(query: SubscriberQuery, now: datetime, today: date) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    text = searched(query.text)
    if text:
        conditions.append(_matches(text))
    if query.area is not None:
        conditions.append(Subscriber.area_key == folded(" ".join(query.area.split())))
    if query.status or query.plan_id or query.router_id:
        conditions.append(_has_service(query, now))
    if query.money is not None:
        conditions.append(_has_money(query.money, today))
    return conditions


def _has_money(state: MoneyState, today: date) -> ColumnElement[bool]:
    if state is MoneyState.OVERDUE:
        return Subscriber.oldest_due_on < today
    return Subscriber.balance_minor > 0 if state is MoneyState.OWING else Subscriber.balance_minor < 0


def _matches(text: str) -> ColumnElement[bool]:
    username = func.lower(Service.pppoe_username).contains(text, autoescape=True)
    columns = (Subscriber.name_key, Subscriber.area_key, func.lower(Subscriber.email), Subscriber.phone)
    found = [
        *(column.contains(text, autoescape=True) for column in columns),
        Subscriber.id.in_(select(Service.subscriber_id).where(username)),
    ]
    digits = account_number.typed(text)
    if digits is not None:
        found.append(Subscriber.account_number.startswith(digits))
    return or_(*found)


def _is_suspended(now: datetime) -> ColumnElement[bool]:
    """The rule of contracts.access.suspending_holds, in SQL."""
    covered = or_(
        *(and_(Exemption.kind == kind, Hold.reason.in_(reasons)) for kind, reasons in COVERED.items())
    )
    exempted = exists().where(
        Exemption.service_id == Hold.service_id,
        Exemption.ended_at.is_(None),
        Exemption.starts_at <= now,
        Exemption.until > now,
        covered,
    )
    return exists().where(Hold.service_id == Service.id, Hold.released_at.is_(None), ~exempted)


def _has_service(query: SubscriberQuery, now: datetime) -> ColumnElement[bool]:
    terminated = query.status is ServiceStatus.TERMINATED
    service = select(Service.id).where(
        Service.subscriber_id == Subscriber.id,
        Service.terminated_at.is_not(None) if terminated else Service.terminated_at.is_(None),
    )
    if query.plan_id is not None:
        service = service.where(Service.plan_id == query.plan_id)
    if query.router_id is not None:
        service = service.where(Service.router_id == query.router_id)
    if query.status in (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED):
        suspended = _is_suspended(now)
        service = service.where(suspended if query.status is ServiceStatus.SUSPENDED else ~suspended)
    return service.exists()


def count_services(session: Session, now: datetime) -> ServiceCounts:
    live = select(func.count()).select_from(Service).where(Service.terminated_at.is_(None))
    terminated = select(func.count()).select_from(Service).where(Service.terminated_at.is_not(None))
    suspended = session.scalar(live.where(_is_suspended(now))) or 0
    return ServiceCounts(
        active=(session.scalar(live) or 0) - suspended,
        suspended=suspended,
        terminated=session.scalar(terminated) or 0,
    )


def list_service_owners(session: Session, service_ids: Sequence[str]) -> list[ServiceOwner]:
    """Who has these services (at most 200 ids)."""
    owners = (
        select(Service.id, Subscriber.id, Subscriber.full_name)
        .join(Subscriber, Subscriber.id == Service.subscriber_id)
        .where(Service.id.in_(list(service_ids)[:MAX_PAGE_SIZE]))
    )
    return [ServiceOwner(*owner) for owner in session.execute(owners)]


def list_hold_changes(session: Session, limit: int) -> list[HoldChange]:
    """The latest `limit` (up to 200) holds placed, released or exempted, newest first."""
    limit = max(1, min(limit, MAX_PAGE_SIZE))
    moments = [*_hold_moments(session, limit), *_exemption_moments(session, limit)]
    moments.sort(key=lambda moment: (moment.at, moment.released), reverse=True)
    latest = moments[:limit]
    # Load what says whether the services were suspended: once, for these services only.
    ids = {moment.change.service_id for moment in latest}
    complete = selectinload(Service.holds), selectinload(Service.exemptions)
    session.scalars(select(Service).where(Service.id.in_(ids)).options(*complete)).all()
    return [moment.view() for moment in latest]


class _Moment(NamedTuple):
    """A hold was placed or released, or an exemption began (`released`) or ended."""

    at: datetime
    released: bool
    by: str
    change: Hold | Exemption

    def view(self) -> HoldChange:
        if isinstance(self.change, Hold):
            return hold_change(self.change, self.at, self.by, released=self.released)
        return exemption_change(self.change, self.at, self.by, released=self.released)


def _hold_moments(session: Session, limit: int) -> Iterator[_Moment]:
    holds = select(Hold).options(joinedload(Hold.service).joinedload(Service.subscriber)).limit(limit)
    for hold in session.scalars(holds.order_by(Hold.placed_at.desc(), Hold.id.desc())):
        yield _Moment(hold.placed_at, False, hold.placed_by, hold)
    released = holds.where(Hold.released_at.is_not(None))
    for hold in session.scalars(released.order_by(Hold.released_at.desc(), Hold.id.desc())):
        if hold.released_at is not None:
            yield _Moment(hold.released_at, True, hold.released_by or "", hold)


def _exemption_moments(session: Session, limit: int) -> Iterator[_Moment]:
    """The latest exemptions that began, and those that ended and left the hold active."""
    service = joinedload(Exemption.service).joinedload(Service.subscriber)
    exemptions = select(Exemption).options(service).limit(limit)
    for one in session.scalars(exemptions.order_by(Exemption.starts_at.desc(), Exemption.id.desc())):
        yield _Moment(one.starts_at, True, one.author, one)
    next_one = aliased(Exemption)
    replaced = exists().where(
        next_one.service_id == Exemption.service_id, next_one.starts_at == Exemption.ended_at
    )
    ended = exemptions.where(
        Exemption.ended_at.is_not(None),
        Exemption.ended_by.is_distinct_from(BILLING),
        ~replaced,
        # nothing follows from its end after the service was terminated
        ~exists().where(Service.id == Exemption.service_id, Service.terminated_at <= Exemption.ended_at),
    )
    for one in session.scalars(ended.order_by(Exemption.ended_at.desc(), Exemption.id.desc())):
        if one.ended_at is not None:
            yield _Moment(one.ended_at, False, one.ended_by or "", one)
