"""Make each index of open sessions usable only for queries by its own column.

When the statistics were from a moment with few open sessions (after an outage), PostgreSQL read all open sessions
by id to find those of one login, and a Start took tens of times longer. Accounting continues while the indexes
are built.
"""

from alembic import op
from servicekit.migrations import replace_index

revision = "0010"
down_revision = "0009"

OPEN_BY = {
    "username": "username IS NOT NULL",
    "nasipaddress": "nasipaddress IS NOT NULL",
    "router_id": "router_id IS NOT NULL",
    "radacctid": "radacctid > 0",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # SQLite has no such statistics
        return
    for column, known in OPEN_BY.items():
        replace_index(f"ix_radacct_open_{column}", f"radacct ({column}) WHERE acctstoptime IS NULL AND {known}")
