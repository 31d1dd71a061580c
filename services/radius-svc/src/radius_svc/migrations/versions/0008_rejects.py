"""Add session limits, and find refused logins by the start of a text, newest first.

The indexes contain only refused logins, so accepted ones (written by FreeRADIUS) do not have to update them.
"""

import sqlalchemy as sa
from alembic import op
from servicekit.migrations import build_index

revision = "0008"
down_revision = "0007"

REFUSED = "reply = 'Access-Reject'"
ON_POSTGRESQL = {
    "ix_radpostauth_refused_username": '(lower(username) COLLATE "C")',
    "ix_radpostauth_refused_callingstationid": '(lower(callingstationid) COLLATE "C")',
}
ON_SQLITE = {
    "ix_radpostauth_refused_username": "lower(username)",
    "ix_radpostauth_refused_callingstationid": "lower(callingstationid)",
}


def upgrade() -> None:
    build_index("ix_radpostauth_refused_authdate", f"radpostauth (authdate, id) WHERE {REFUSED}")
    by_text = ON_SQLITE if op.get_bind().dialect.name == "sqlite" else ON_POSTGRESQL
    for name, expression in by_text.items():
        build_index(name, f"radpostauth ({expression}) WHERE {REFUSED}")
    op.add_column("radius_account", sa.Column("session_limit", sa.Integer(), nullable=True))
