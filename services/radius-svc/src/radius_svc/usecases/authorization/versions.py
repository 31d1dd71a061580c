"""The number each transaction puts on the rows it changes, so that listeners read only what is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from radius_svc.models import (
    IndexVersion,
)


def next_seq(session: Session) -> int:
    """The number of this transaction, for the `changed_seq` of the rows it changes. Locks out other writers.

    It is taken once per transaction. A savepoint takes a number of its own, because both are rolled back
    together.
    """
    transaction = session.get_nested_transaction() or session.get_transaction()
    remembered: tuple[object, int] | None = session.info.get("index_version")
    if transaction is not None and remembered is not None and remembered[0] is transaction:
        return remembered[1]
    statement = update(IndexVersion).values(seq=IndexVersion.seq + 1).returning(IndexVersion.seq)
    seq = session.execute(statement, execution_options={"synchronize_session": False}).scalar_one_or_none()
    if seq is None:
        seq = 1
        session.execute(insert(IndexVersion).values(id=1, seq=seq))
    session.info["index_version"] = (session.get_nested_transaction() or session.get_transaction(), seq)
    return seq


def store(
    session: Session, model: type[Any], known: Any | None, key: Mapping[str, Any], row: Mapping[str, Any]
) -> None:
    """Update the `known` row, or insert a new one with this key. Raises IntegrityError."""
    if known is None:
        session.add(model(**key, **row))
    else:
        for name, value in row.items():
            setattr(known, name, value)
    session.flush()  # so that a violated constraint raises here, not in a later query
