"""Every month of a service is billed exactly once, or named with a reason, whenever runs take place."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from billing_svc.domain.months import (
    BilledService,
    History,
    NamedMonth,
    NotBilled,
    RunTerms,
    decide,
    decided_by,
    due_period,
    in_words,
    months_without_a_run,
    next_run,
)
from billing_svc.domain.periods import generation_date, period_before, period_of
from contracts.billing_settings import FirstMonth
from hypothesis import given
from hypothesis import strategies as st

AUGUST, SEPTEMBER, OCTOBER = date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)
NOVEMBER, DECEMBER, JANUARY, FEBRUARY = (
    date(2026, 11, 1),
    date(2026, 12, 1),
    date(2027, 1, 1),
    date(2027, 2, 1),
)


def run_of(month: date, **more) -> RunTerms:
    return RunTerms(month, more.pop("today", month), **more)


def months_between(first: date, last: date) -> list[date]:
    months = []
    while first <= last:
        months.append(first)
        first = period_of(first).end
    return months


class Book:
    """A service and its invoices, as runs change them."""

    def __init__(self, service: BilledService) -> None:
        self.service = service
        self.invoiced: Counter[date] = Counter()
        self.voided: set[date] = set()
        self.named: dict[date, NotBilled] = {}

    @property
    def history(self) -> History:
        live = {month: "INV-1" for month in self.invoiced if month not in self.voided}
        return History(invoiced=live, voided=dict.fromkeys(self.voided, "INV-1"))

    def run(self, terms: RunTerms) -> None:
        decision = decide(self.service, self.history, terms)
        for month in decision.due:
            assert month not in self.history.invoiced
            assert month <= max(terms.month, period_of(terms.today).start)
            self.invoiced[month] += 1
        self.named.update({one.month: one.reason for one in decision.named})
        self.service = decided_by(self.service, terms)

    def unaccounted(self, until: date) -> list[date]:
        months = months_between(self.service.first_month, min(until, self.service.last_month))
        return [month for month in months if month not in self.invoiced and month not in self.named]


def test_service_added_after_the_run_is_billed_by_the_next_one():
    decision = decide(BilledService(date(2026, 12, 5)), History(), run_of(JANUARY))
    assert decision.due == (DECEMBER, JANUARY)


def test_months_before_the_service_began_are_not_billed():
    assert decide(BilledService(date(2027, 1, 5)), History(), run_of(DECEMBER)).due == ()


def test_service_that_began_and_ended_between_two_runs_is_billed():
    """Joined on August 20 after the run of that day, left on September 10 before the next one."""
    service = BilledService(date(2026, 8, 20), terminated_on=date(2026, 9, 10))
    decision = decide(service, History(), run_of(SEPTEMBER, today=date(2026, 9, 20)))
    assert decision.due == (AUGUST, SEPTEMBER)
    later = decided_by(service, run_of(SEPTEMBER))
    assert later.is_closed
    assert decide(later, History(), run_of(OCTOBER)).due == ()


def test_service_terminated_on_its_first_day_is_named_and_not_billed():
    service = BilledService(date(2026, 12, 5), terminated_on=date(2026, 12, 5))
    decision = decide(service, History(), run_of(DECEMBER))
    assert (decision.due, decision.named) == ((), (NamedMonth(DECEMBER, NotBilled.UNUSED),))


def test_first_month_can_be_free():
    service = BilledService(date(2026, 12, 5))
    decision = decide(service, History(), run_of(JANUARY, first_month=FirstMonth.FREE))
    assert decision.due == (JANUARY,)
    assert decision.named == (NamedMonth(DECEMBER, NotBilled.FREE_FIRST_MONTH),)


def test_free_first_month_stays_free_when_the_setting_changes():
    book = Book(BilledService(date(2026, 12, 5)))
    book.run(run_of(JANUARY, first_month=FirstMonth.FREE))
    book.run(run_of(FEBRUARY, first_month=FirstMonth.FULL))
    assert sorted(book.invoiced) == [JANUARY, FEBRUARY]


def test_voided_month_is_billed_again_only_if_asked_for():
    service = BilledService(date(2026, 12, 5), billed_until=JANUARY)
    history = History(voided={DECEMBER: "INV-3"})
    assert decide(service, history, run_of(JANUARY)).due == (JANUARY,)
    own = decide(service, history, run_of(DECEMBER))
    assert (own.due, own.named) == ((), (NamedMonth(DECEMBER, NotBilled.VOIDED, "INV-3"),))
    assert decide(service, history, run_of(DECEMBER, voided_too=True)).due == (DECEMBER,)


def test_reopened_month_is_billed_by_the_next_run():
    service = BilledService(date(2026, 11, 5), billed_until=JANUARY)
    history = History(invoiced={DECEMBER: "INV-4"}, reopened=(NOVEMBER,))
    assert decide(service, history, run_of(JANUARY)).due == (NOVEMBER, JANUARY)


def test_login_that_is_billed_as_another_service_is_skipped_unless_asked_for():
    service = BilledService(date(2027, 2, 5))
    history = History(same_login={FEBRUARY: "INV-155"})
    decision = decide(service, history, run_of(FEBRUARY))
    assert (decision.due, decision.named) == ((), (NamedMonth(FEBRUARY, NotBilled.SAME_LOGIN, "INV-155"),))
    assert decide(service, history, run_of(FEBRUARY, same_login_too=True)).due == (FEBRUARY,)


def test_months_before_the_upgrade_are_listed_and_not_billed():
    service = BilledService(date(2026, 8, 20), billed_until=DECEMBER, upgraded_in=DECEMBER)
    history = History(invoiced={OCTOBER: "INV-1"})
    decision = decide(service, history, run_of(DECEMBER))
    assert decision.due == (DECEMBER,)
    assert decision.named == tuple(
        NamedMonth(month, NotBilled.BEFORE_UPGRADE) for month in (AUGUST, SEPTEMBER, NOVEMBER)
    )


def test_month_before_the_upgrade_is_billed_by_a_run_for_it():
    service = BilledService(date(2026, 8, 20), billed_until=DECEMBER, upgraded_in=DECEMBER)
    assert decide(service, History(), run_of(NOVEMBER, today=date(2026, 12, 9))).due == (NOVEMBER,)


def test_months_before_the_upgrade_that_are_billed_now_are_not_named():
    """Someone moved the first day to an earlier one, so no month is decided."""
    decision = decide(BilledService(OCTOBER, upgraded_in=DECEMBER), History(), run_of(DECEMBER))
    assert (decision.due, decision.named) == ((OCTOBER, NOVEMBER, DECEMBER), ())


def test_run_for_a_far_month_leaves_the_months_between_to_their_own_runs():
    book = Book(BilledService(date(2026, 11, 20)))
    book.run(RunTerms(FEBRUARY, date(2026, 11, 23)))
    assert sorted(book.invoiced) == [NOVEMBER, FEBRUARY]
    book.run(run_of(DECEMBER))
    book.run(run_of(JANUARY))
    book.run(run_of(FEBRUARY))
    assert book.invoiced == Counter([NOVEMBER, DECEMBER, JANUARY, FEBRUARY])


def test_first_day_moved_to_an_earlier_month_opens_only_the_months_before():
    decided = decided_by(BilledService(date(2026, 11, 20)), run_of(DECEMBER))
    moved = decided.begins(date(2026, 9, 30))
    # November and December were decided without an invoice: they cost nothing then.
    assert decide(moved, History(), run_of(JANUARY)).due == (SEPTEMBER, OCTOBER, JANUARY)
    after = decided_by(moved, run_of(JANUARY))
    assert decide(after, History(), run_of(FEBRUARY)).due == (FEBRUARY,)
    back = decided.begins(date(2027, 1, 1)).begins(date(2026, 9, 30))
    assert decide(back, History(), run_of(JANUARY)).due == (SEPTEMBER, OCTOBER, JANUARY)


def test_run_for_a_month_before_the_decided_ones_keeps_them_decided():
    moved = decided_by(BilledService(date(2026, 11, 20)), run_of(DECEMBER)).begins(date(2026, 9, 30))
    after = decided_by(moved, run_of(SEPTEMBER, today=date(2026, 12, 9)))
    assert decide(after, History({SEPTEMBER: "INV-1"}), run_of(JANUARY)).due == (OCTOBER, JANUARY)


def test_words_group_months_by_reason_and_invoice():
    named = [
        NamedMonth(OCTOBER, NotBilled.BEFORE_UPGRADE),
        NamedMonth(NOVEMBER, NotBilled.BEFORE_UPGRADE),
        NamedMonth(DECEMBER, NotBilled.VOIDED, "INV-000007"),
    ]
    assert in_words(named, "juan") == [
        "Oct 2026 and Nov 2026 not billed for juan: before the upgrade to this version",
        "Dec 2026 not billed for juan: INV-000007 was voided",
    ]


# Properties

DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))
MANUAL = st.tuples(DAYS, st.integers(-6, 1), st.sampled_from(FirstMonth))


@given(DAYS, st.none() | st.integers(0, 500), st.lists(MANUAL, max_size=12), st.data())
def test_every_month_is_billed_once_or_named_whatever_the_runs(joined, stays, runs, data):
    """Runs on any days, for the past and for the coming month, and invoices voided in between."""
    terminated = None if stays is None else joined + timedelta(days=stays)
    book = Book(BilledService(joined, terminated_on=terminated))
    for today, distance, first_month in sorted(runs, key=lambda run: run[0]):
        month = period_of(today).start
        for _ in range(abs(distance)):
            month = period_of(month).end if distance > 0 else period_before(period_of(month)).start
        book.run(RunTerms(month, today, first_month))
        if book.invoiced and data.draw(st.booleans()):
            book.voided.add(data.draw(st.sampled_from(sorted(book.invoiced))))
    book.run(run_of(date(2029, 1, 1)))

    assert book.unaccounted(date(2029, 1, 1)) == []
    assert set(book.invoiced.values()) <= {1}
    assert all(book.service.first_month <= month <= book.service.last_month for month in book.invoiced)


@given(
    DAYS,
    st.lists(st.tuples(DAYS, st.none() | st.integers(1, 28)), min_size=1, max_size=30),
    st.integers(1, 28),
)
def test_automatic_runs_lose_no_month_to_downtime_or_a_moved_billing_day(joined, days, generation_day):
    """The system is up only on some days, on each of which the billing day may be moved."""
    book = Book(BilledService(joined))
    set_on, last_run = date(2026, 1, 1), None
    for today, moved_to in sorted(days, key=lambda one: one[0]):
        period = due_period(today, generation_day, set_on, last_run)
        if period is not None:
            last_run = period.start
            if joined <= today:
                book.run(RunTerms(period.start, today))
                assert book.unaccounted(period.start) == []
        if moved_to is not None and moved_to != generation_day:
            generation_day, set_on = moved_to, today
    assert set(book.invoiced.values()) <= {1}
    assert last_run is None or max(book.invoiced, default=last_run) <= last_run


def test_next_run_after_moving_the_billing_day_catches_up():
    """The day moves from the 20th to the 10th on April 15, 2027; March was run."""
    today, march = date(2027, 4, 15), date(2027, 3, 1)
    assert next_run(today, 20, date(2027, 1, 1), march) == (date(2027, 4, 20), period_of(today))
    day, period = next_run(today, 10, today, march)
    assert (day, period.start) == (date(2027, 5, 10), date(2027, 5, 1))
    assert months_without_a_run(period, march, NOVEMBER) == [date(2027, 4, 1)]


def test_months_without_a_run_count_from_the_installation():
    assert months_without_a_run(period_of(DECEMBER), None, NOVEMBER) == [NOVEMBER]
    assert months_without_a_run(period_of(NOVEMBER), None, NOVEMBER) == []
    assert months_without_a_run(period_of(DECEMBER), NOVEMBER, NOVEMBER) == []


@given(DAYS, st.integers(1, 28), DAYS, st.none() | DAYS, st.integers(0, 80))
def test_next_run_is_the_first_that_becomes_due(today, generation_day, set_on, last_run, later):
    set_on, last_run = min(set_on, today), last_run and period_of(last_run).start
    day, period = next_run(today, generation_day, set_on, last_run)
    assert due_period(day, generation_day, set_on, last_run) == period
    before = min(today + timedelta(days=later), day - timedelta(days=1))
    if before >= today:
        assert due_period(before, generation_day, set_on, last_run) is None


@given(DAYS, st.integers(1, 28), DAYS, st.none() | DAYS)
def test_due_period_has_come_and_was_not_run(today, generation_day, set_on, last_run):
    last_run = last_run and period_of(last_run).start
    period = due_period(today, generation_day, set_on, last_run)
    if period is not None:
        assert set_on <= generation_date(period, generation_day) <= today
        assert last_run is None or last_run < period.start
