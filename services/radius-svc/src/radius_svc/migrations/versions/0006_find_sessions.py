"""Find sessions by the start of a username, IP address or MAC address, and list them by id.

The indexes contain only closed sessions, so Starts and Interim-Updates do not have to update them. Accounting
continues while they are built.
"""

from alembic import op
from servicekit.migrations import build_index

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
    build_index("ix_radacct_open_radacctid", "radacct (radacctid) WHERE acctstoptime IS NULL")
    build_index("ix_radacct_closed_router_id", "radacct (router_id, radacctid) WHERE acctstoptime IS NOT NULL")
    by_text = ON_SQLITE if op.get_bind().dialect.name == "sqlite" else ON_POSTGRESQL
    for name, expressions in by_text.items():
        build_index(name, f"radacct ({expressions}) WHERE acctstoptime IS NOT NULL")
