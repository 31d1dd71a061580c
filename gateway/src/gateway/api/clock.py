"""The business clock, which only the demo and tests may move. Otherwise these endpoints return 404."""

from __future__ import annotations

from datetime import date as Date
from datetime import datetime, timedelta

from contracts.common import InvalidInput, NotFound
from pydantic import AwareDatetime, Field
from servicekit.clock import MovableClock, local_date

from gateway.api.routing import endpoint
from gateway.api.shapes import Shape
from gateway.audit.events import Event
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.resources.fields import Day, Input

HELP = "give exactly one of now, date, advance_days, advance_seconds"
MAX_DAYS = 36_500


class ClockChange(Input):
    """Exactly one of the fields. `date` keeps the local time of day."""

    now: AwareDatetime | None = None
    date: Day | None = None
    advance_days: int | None = Field(default=None, ge=-MAX_DAYS, le=MAX_DAYS)
    advance_seconds: int | None = Field(default=None, ge=-MAX_DAYS * 86_400, le=MAX_DAYS * 86_400)


class ClockShape(Shape):
    """`date` is the calendar date in `time_zone`."""

    now: AwareDatetime
    date: Date
    time_zone: str


@endpoint("GET", "/clock", permission=Permission.VIEW_DASHBOARD, answer=ClockShape)
def get_clock() -> ClockShape:
    """Show the business time."""
    _movable_clock()
    return _shape()


@endpoint(
    "PUT",
    "/clock",
    permission=Permission.MOVE_CLOCK,
    body=ClockChange,
    answer=ClockShape,
    event=Event("api.move_clock", "Moved the clock"),
)
def move_clock(body: ClockChange) -> ClockShape:
    """Move the business clock, which keeps running from there."""
    clock = _movable_clock()
    clock.move_to(_target(body, clock.now()))
    return _shape()


def _movable_clock() -> MovableClock:
    gateway = current()
    if not gateway.settings.movable_clock or not isinstance(gateway.clock, MovableClock):
        raise NotFound("the clock can be moved only when ISPOS_CLOCK is movable")
    return gateway.clock


def _target(body: ClockChange, now: datetime) -> datetime:
    given = [name for name, value in body.given().items() if value is not None]
    if len(given) != 1:
        raise InvalidInput.of("body", HELP)
    if body.now is not None:
        target = body.now
    elif body.date is not None:
        local = now.astimezone(current().settings.time_zone)
        target = datetime.combine(body.date, local.time(), local.tzinfo)
    else:
        target = now + timedelta(days=body.advance_days or 0, seconds=body.advance_seconds or 0)
    if not 2000 <= target.year <= 2099:
        raise InvalidInput.of(given[0], "must lead to a year from 2000 to 2099")
    return target


def _shape() -> ClockShape:
    gateway = current()
    now, zone = gateway.clock.now(), gateway.settings.time_zone
    return ClockShape(now=now, date=local_date(now, zone), time_zone=str(zone))
