"""Two requests can find the same name free at the same moment; the database lets only one of them have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from contracts.common import Conflict
from sqlalchemy.exc import IntegrityError


@contextmanager
def refuse_if_taken(what: str) -> Iterator[None]:
    """Raises Conflict if a unique constraint is violated inside the block."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"{what} was just taken by someone else; choose another") from error
