"""Drop the index on the start of sessions: every Start and Stop updated it, only retention used it.

A Stop changes an indexed column, so it inserts into every index of the table. This one took a tenth of its time.
Old sessions are now found by id (usecases/retention.py).
"""

from servicekit.migrations import drop_index

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    drop_index("ix_radacct_acctstarttime")
