"""The aging report: open invoices grouped by how many days they are past due."""

from __future__ import annotations

from datetime import date

from billing_svc.domain.periods import days_overdue

# The first and last day past due of each bucket; None means no end.
AGES: tuple[tuple[int, int | None], ...] = ((0, 0), (1, 30), (31, 60), (61, 90), (91, None))


def is_of_age(due_on: date, today: date, from_days: int, until_days: int | None) -> bool:
    """Whether an invoice due on `due_on` is `from_days` to `until_days` past due today.

    `AgingBucket.due_dates` in the contracts is the inverse: from a bucket to its due dates.
    """
    days = days_overdue(due_on, today)
    return from_days <= days and (until_days is None or days <= until_days)
