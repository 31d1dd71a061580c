"""Long work in short transactions, so that others can use the database in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.orm import Session


def in_batches(
    transaction: Callable[[], AbstractContextManager[Session]],
    step: Callable[[Session], int],
    *,
    size: int,
    max_batches: int | None = None,
) -> int:
    """Run `step` in one transaction after another until it handles fewer than `size` rows.

    `transaction` opens each of them: `runtime.transaction`, or `partial(leases.holding, ...)` for work that
    only the holder of a lease may do. `step` handles at most `size` rows and returns how many it handled.
    Stops after `max_batches` if that is given. Returns the number of rows handled in all batches.
    """
    total = batches = 0
    handled = size
    while handled == size and (max_batches is None or batches < max_batches):
        with transaction() as session:
            handled = step(session)
        total += handled
        batches += 1
        time.sleep(0)  # green: SQLite does not yield, and others are waiting for the database
    return total
