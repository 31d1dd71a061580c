"""Lists: sorted by name, the newest holds of all; and every name told again, for payment-svc listens now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from servicekit.ids import new_id
from servicekit.paging import folded

revision = "0002"
down_revision = "0001"

ROWS_AT_ONCE = 5000

subscribers = sa.table(
    "subscribers", sa.column("id"), sa.column("version"), sa.column("full_name"), sa.column("name_key")
)
outbox_messages = sa.table(
    "outbox_messages",
    sa.column("id"),
    sa.column("type"),
    sa.column("subject"),
    sa.column("correlation_id"),
    sa.column("occurred_at", sa.DateTime(timezone=True)),
    sa.column("data"),
)


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("name_key", sa.Text(), nullable=False, server_default=""))
    columns = (subscribers.c.id, subscribers.c.version, subscribers.c.full_name)
    everybody = op.get_bind().execute(sa.select(*columns).order_by(subscribers.c.id)).all()
    for start in range(0, len(everybody), ROWS_AT_ONCE):
        some = everybody[start : start + ROWS_AT_ONCE]
        _fill_name_keys(some)
        _tell_names(some)
    op.create_index("ix_subscribers_name_key", "subscribers", ["name_key", "id"])
    op.create_index("ix_holds_placed_at", "holds", ["placed_at"])
    op.create_index("ix_holds_released_at", "holds", ["released_at"])


def _fill_name_keys(people: Sequence[sa.Row]) -> None:
    fill = subscribers.update().where(subscribers.c.id == sa.bindparam("of"))
    op.get_bind().execute(
        fill.values(name_key=sa.bindparam("key")),
        [{"of": person.id, "key": folded(person.full_name)} for person in people],
    )


def _tell_names(people: Sequence[sa.Row]) -> None:
    """As subscriber.changed.v1, of the version they have: who knows it already ignores it."""
    op.get_bind().execute(
        outbox_messages.insert(),
        [
            {
                "id": new_id(),
                "type": "subscriber.changed.v1",
                "subject": person.id,
                "correlation_id": "migration-0002",
                "occurred_at": datetime.now(UTC),
                "data": json.dumps(
                    {"subscriber_id": person.id, "version": person.version, "full_name": person.full_name}
                ),
            }
            for person in people
        ],
    )
