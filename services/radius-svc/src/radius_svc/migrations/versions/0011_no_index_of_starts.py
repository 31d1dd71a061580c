"""Drop the index by when a session began: only the deletion of old ones used it, every Start and Stop kept it.

A Stop changes an indexed column, so it is entered anew into every index of the table; this one was a tenth of
what it costs. Old sessions are found by their numbers now (usecases/retention.py).
"""

from servicekit.migrations import drop_index

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    drop_index("ix_radacct_acctstarttime")
