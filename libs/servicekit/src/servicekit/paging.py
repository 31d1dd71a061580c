"""Pages of a list: newest first, by the time-ordered id, which is also the cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from contracts.common import Page
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

MOST = 200
View = TypeVar("View")


def page_of(
    session: Session,
    query: Select,
    key: InstrumentedAttribute,
    view: Callable[[Any], View],
    *,
    limit: int,
    after: str | int | None,
) -> Page[View]:
    """At most `limit` (up to 200) rows of `query` after the cursor, as views, and the next cursor."""
    limit = max(1, min(limit, MOST))
    query = query.order_by(key.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(key < after)
    rows = list(session.scalars(query))
    more = len(rows) > limit
    rows = rows[:limit]
    cursor = str(getattr(rows[-1], key.key)) if more else None
    return Page([view(row) for row in rows], cursor)
