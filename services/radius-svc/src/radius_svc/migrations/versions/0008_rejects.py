"""A login's limit of sessions, and refused logins found by the beginning of a text, newest first.

The indexes are of refused logins only: where FreeRADIUS writes accepted ones too, those need not keep them.
"""

import sqlalchemy as sa
from alembic import op

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
    op.add_column("radius_account", sa.Column("session_limit", sa.Integer(), nullable=True))
    op.create_index(
        "ix_radpostauth_refused_authdate",
        "radpostauth",
        ["authdate", "id"],
        sqlite_where=sa.text(REFUSED),
        postgresql_where=sa.text(REFUSED),
    )
    by_text = ON_SQLITE if op.get_bind().dialect.name == "sqlite" else ON_POSTGRESQL
    for name, expression in by_text.items():
        op.execute(f"CREATE INDEX {name} ON radpostauth ({expression}) WHERE {REFUSED}")
