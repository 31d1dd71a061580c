import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from contracts.common import BillingPeriod, Instant, Page
from contracts.money import Money
from hypothesis import given
from hypothesis import strategies as st
from servicekit.codec import WireError, from_json, from_wire, to_json, to_wire


class Kind(StrEnum):
    CABLE = "cable"
    FIBER = "fiber"


@dataclass(frozen=True)
class Line:
    name: str
    count: int
    price: Money
    kind: Kind
    period: BillingPeriod
    seen_at: Instant
    note: str | None = None


def line(**changes):
    values = {
        "name": "home",
        "count": 1,
        "price": Money(150000),
        "kind": Kind.FIBER,
        "period": BillingPeriod(date(2026, 11, 1), date(2026, 12, 1)),
        "seen_at": datetime(2026, 11, 23, 8, tzinfo=UTC),
    }
    return Line(**(values | changes))


money = st.builds(Money, st.integers(-(10**15), 10**15), st.sampled_from(["PHP", "USD"]))
instants = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants its bounds naive
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-11))]),
)
lines = st.builds(
    Line,
    name=st.text(),
    count=st.integers(-(2**63), 2**63 - 1),
    price=money,
    kind=st.sampled_from(Kind),
    period=st.builds(BillingPeriod, st.dates(), st.dates()),
    seen_at=instants,
    note=st.none() | st.text(),
)


@given(st.builds(Page, st.lists(lines, max_size=3), st.none() | st.text()))
def test_value_is_the_same_after_the_wire(page):
    assert from_wire(to_wire(page, Page[Line]), Page[Line]) == page
    assert from_json(to_json(page, Page[Line]), Page[Line]) == page


def test_wire_data_is_plain_json():
    assert to_wire(line(), Line) == {
        "name": "home",
        "count": 1,
        "price": {"minor": 150000, "currency": "PHP"},
        "kind": "fiber",
        "period": {"start": "2026-11-01", "end": "2026-12-01"},
        "seen_at": "2026-11-23T08:00:00Z",
        "note": None,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 1.0},
        {"count": 1.5},
        {"count": math.nan},
        {"count": Decimal(1)},
        {"count": True},
        {"count": None},
        {"name": 7},
        {"kind": "copper"},
        {"price": 1500},
        {"seen_at": datetime(2026, 11, 23, 8)},  # noqa: DTZ001 - that is the point
        {"seen_at": date(2026, 11, 23)},
        {"seen_at": "yesterday"},
        {"period": BillingPeriod(datetime(2026, 11, 1, tzinfo=UTC), date(2026, 12, 1))},
        {"note": object()},
    ],
    ids=str,
)
def test_wrong_value_is_refused_at_the_sender(wrong):
    with pytest.raises(WireError):
        to_wire(line(**wrong), Line)


def test_float_in_money_is_refused_when_it_is_created():
    with pytest.raises(TypeError):
        Money(1500.0)
    with pytest.raises(WireError):
        from_wire({"minor": 1500.0, "currency": "PHP"}, Money)


def test_unknown_fields_are_ignored_but_missing_ones_are_refused():
    data = to_wire(line(), Line)

    assert from_wire(data | {"invented_later": {"deep": [1]}}, Line) == line()
    del data["count"]
    with pytest.raises(WireError, match="count"):
        from_wire(data, Line)


def test_instant_without_a_time_zone_is_refused_at_the_receiver():
    with pytest.raises(WireError):
        from_wire(to_wire(line(), Line) | {"seen_at": "2026-11-23T08:00:00"}, Line)


def test_text_that_is_not_json_is_a_wire_error():
    with pytest.raises(WireError):
        from_json("{", Line)


def test_equal_values_give_equal_json_text():
    assert to_json({"b": 1, "a": 2}, dict) == to_json({"a": 2, "b": 1}, dict)
