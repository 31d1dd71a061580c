"""Find sessions by the beginning of a username, an address or a MAC address, and in order of their number.

The indexes are of closed sessions only: a Start and an Interim-Update do not have to keep them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ON_POSTGRESQL = {
    "ix_radacct_closed_username": '(lower(username) COLLATE "C"), radacctid',
    "ix_radacct_closed_framedipaddress": '(host(framedipaddress) COLLATE "C")',
    "ix_radacct_closed_callingstationid": '(lower(callingstationid) COLLATE "C")',
}
ON_SQLITE = {
    "ix_radacct_closed_username": "lower(username), radacctid",
    "ix_radacct_closed_framedipaddress": "framedipaddress",
    "ix_radacct_closed_callingstationid": "lower(callingstationid)",
}


def upgrade() -> None:
    still_open, closed = sa.text("acctstoptime IS NULL"), sa.text("acctstoptime IS NOT NULL")
    op.create_index(
        "ix_radacct_open_radacctid",
        "radacct",
        ["radacctid"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_index(
        "ix_radacct_closed_router_id",
        "radacct",
        ["router_id", "radacctid"],
        sqlite_where=closed,
        postgresql_where=closed,
    )
    by_text = ON_SQLITE if op.get_bind().dialect.name == "sqlite" else ON_POSTGRESQL
    for name, expressions in by_text.items():
        op.execute(f"CREATE INDEX {name} ON radacct ({expressions}) WHERE {closed}")
