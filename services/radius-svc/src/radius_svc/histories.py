"""Views of what was: usage, open sessions over time, what happened on a line, reconnects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from contracts.common import Page
from contracts.radius import (
    LineEvent,
    LineEventKind,
    OnlineSample,
    ReconnectTimes,
    ReconnectView,
    UsageDay,
)
from servicekit.paging import MOST, page_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from radius_svc import queries
from radius_svc.control_models import DailyUsage, OnlineCount, Reconnect, RequestAttempt
from radius_svc.domain import evidence
from radius_svc.domain.reconnect_times import reconnect_times
from radius_svc.models import RadAcct, RadiusAccount
from radius_svc.usecases import online_samples, reconnects

MOST_DAYS = 366
MOST_HOURS = 24 * 31
MOST_SAMPLES = 300


def list_usage(session: Session, service_id: str, days: int, *, today: date) -> list[UsageDay]:
    """One for each of the last `days` (1 to 366) days, today last; zeros where nothing is counted."""
    first = today - timedelta(days=within(days, MOST_DAYS) - 1)
    query = select(DailyUsage).where(DailyUsage.service_id == service_id, DailyUsage.day >= first)
    known = {usage.day: usage for usage in session.scalars(query)}
    return [
        _usage_day(day, known.get(day))
        for day in (first + timedelta(days=number) for number in range((today - first).days + 1))
    ]


def _usage_day(day: date, usage: DailyUsage | None) -> UsageDay:
    if usage is None:
        return UsageDay(day, 0, 0)
    return UsageDay(day, usage.download_octets, usage.upload_octets)


def list_online_samples(session: Session, hours: int, *, now: datetime) -> list[OnlineSample]:
    """Those of the last `hours` (1 to 744), thinned to at most 300, and the present count as the last."""
    since = now - timedelta(hours=within(hours, MOST_HOURS))
    apart = -(-((now - since) // online_samples.EVERY) // MOST_SAMPLES)
    query = select(OnlineCount.at, OnlineCount.sessions).where(OnlineCount.at > since)
    samples = [
        OnlineSample(at, sessions)
        for at, sessions in session.execute(query.order_by(OnlineCount.at))
        # By its number since 1970, so that a later question shows the same ones.
        if online_samples.number_of(at) % apart == 0
    ]
    return [*samples, OnlineSample(now, queries.count_open_sessions(session))]


def list_line_events(session: Session, service_ids: Sequence[str], limit: int) -> list[LineEvent]:
    """At most `limit` (up to 200), the newest first, of at most 200 services."""
    limit = within(limit, MOST)
    # A query per service, so that each is a short walk on an index.
    events = [
        event
        for service_id in dict.fromkeys(service_ids[:MOST])
        for event in (
            *_session_events(session, service_id, limit),
            *_request_events(session, service_id, limit),
        )
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)[:limit]


def _session_events(session: Session, service_id: str, limit: int) -> Iterator[LineEvent]:
    """Of the newest sessions: one at a time is on line, so the newest ends are theirs too."""
    query = select(RadAcct).where(RadAcct.service_id == service_id, RadAcct.acctstarttime.is_not(None))
    for row in session.scalars(query.order_by(RadAcct.acctstarttime.desc()).limit(limit)):
        if row.acctstoptime is not None:
            yield LineEvent(row.acctstoptime, LineEventKind.OFFLINE, service_id, _why_offline(row))
        if row.acctstarttime is not None:
            address = str(row.framedipaddress or "")
            yield LineEvent(row.acctstarttime, LineEventKind.ONLINE, service_id, address)


def _why_offline(row: RadAcct) -> str:
    if row.closed_on_evidence is None:
        return row.acctterminatecause or ""
    return evidence.in_words(row.closed_on_evidence)


def _request_events(session: Session, service_id: str, limit: int) -> Iterator[LineEvent]:
    query = select(RequestAttempt).where(RequestAttempt.service_id == service_id)
    for attempt in session.scalars(query.order_by(RequestAttempt.id.desc()).limit(limit)):
        yield LineEvent(
            attempt.sent_at,
            LineEventKind.REQUEST,
            service_id,
            attempt.detail,
            request=attempt.kind,
            outcome=attempt.outcome,
            error_cause=attempt.error_cause,
        )


def list_reconnects(
    session: Session, service_id: str | None, limit: int, after: str | None
) -> Page[ReconnectView]:
    query = select(Reconnect)
    if service_id is not None:
        query = query.where(Reconnect.service_id == service_id)
    page = page_of(session, query, Reconnect.id, lambda case: case, limit=limit, after=after)
    open_ones = [case.id for case in page.items if case.online_at is None]
    back = reconnects.find_back(session, open_ones) if open_ones else {}
    names = _usernames(session, {case.service_id for case in page.items})
    return Page(
        [
            _reconnect_view(case, names.get(case.service_id, ""), case.online_at or back.get(case.id))
            for case in page.items
        ],
        page.next,
    )


def _usernames(session: Session, service_ids: set[str]) -> dict[str, str]:
    query = select(RadiusAccount.service_id, RadiusAccount.username)
    return dict(session.execute(query.where(RadiusAccount.service_id.in_(service_ids))).all())


def _reconnect_view(case: Reconnect, username: str, online_at: datetime | None) -> ReconnectView:
    # A busy process may read the router's answer after the Start that followed it was written down.
    acked_at = case.router_acked_at
    if acked_at is not None and online_at is not None:
        acked_at = min(acked_at, online_at)
    how = None if online_at is None else ("coa" if online_at == case.changed_by_coa_at else "redial")
    return ReconnectView(
        id=case.id,
        service_id=case.service_id,
        username=username,
        payment_id=case.payment_id,
        paid_at=case.paid_at,
        released_at=case.released_at,
        authorized_at=case.authorized_at,
        router_acked_at=acked_at,
        online_at=online_at,
        milliseconds=None if online_at is None else reconnects.milliseconds_until(case, online_at),
        how=how,
    )


def get_reconnect_times(session: Session, days: int, *, now: datetime) -> ReconnectTimes:
    """Of the lines paid for in the last `days` (1 to 366) days."""
    days = within(days, MOST_DAYS)
    cases = select(Reconnect.milliseconds).where(Reconnect.paid_at > now - timedelta(days=days))
    return reconnect_times(days, session.scalars(cases))


def within(number: int, most: int) -> int:
    return max(1, min(number, most))
