from __future__ import annotations

from datetime import date

from billing_svc.domain.aging import AGES, is_of_age
from contracts.money import Money
from contracts.receivables import AgingBucket
from hypothesis import given
from hypothesis import strategies as st

DAYS = st.dates(date(2020, 1, 1), date(2039, 12, 31))


@given(DAYS, DAYS)
def test_every_invoice_is_in_exactly_one_bucket(due_on: date, today: date):
    assert sum(is_of_age(due_on, today, *age) for age in AGES) == 1


@given(DAYS, DAYS, st.sampled_from(AGES))
def test_due_dates_of_a_bucket_are_those_of_its_invoices(due_on: date, today: date, age):
    first, last = AgingBucket(*age, invoices=0, amount=Money(0)).due_dates(today)
    in_range = (first is None or first <= due_on) and (last is None or due_on <= last)
    assert in_range is is_of_age(due_on, today, *age)
