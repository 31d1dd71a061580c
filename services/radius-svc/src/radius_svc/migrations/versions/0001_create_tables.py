"""Create FreeRADIUS's standard tables and our own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INET = sa.Text().with_variant(postgresql.INET(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "index_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_index_version"),
    )
    op.create_table(
        "nas",
        sa.Column("id", SERIAL_KEY, nullable=False),
        sa.Column("nasname", sa.Text(), nullable=False),
        sa.Column("shortname", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), server_default="other", nullable=False),
        sa.Column("ports", sa.Integer(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=True),
        sa.Column("community", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("router_id", sa.Text(), nullable=True),
        sa.Column("coa_port", sa.Integer(), nullable=True),
        sa.Column("session_control", sa.Text(), nullable=True),
        sa.Column("require_message_authenticator", sa.Boolean(), server_default=sa.true(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("changed_seq", sa.BigInteger(), nullable=True),
        sa.Column("disabled", sa.Boolean(), server_default=sa.false(), nullable=True),
        sa.Column("last_heard_at", INSTANT, nullable=True),
        sa.Column("last_secret_mismatch_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nas"),
        sa.UniqueConstraint("router_id", name="uq_nas_router_id"),
    )
    op.create_index("ix_nas_changed_seq", "nas", ["changed_seq"])
    op.create_index("ix_nas_nasname", "nas", ["nasname"])
    op.create_table(
        "nasreload",
        sa.Column("nasipaddress", INET, nullable=False),
        sa.Column("reloadtime", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("nasipaddress", name="pk_nasreload"),
    )
    op.create_table(
        "radacct",
        sa.Column("radacctid", SERIAL_KEY, nullable=False),
        sa.Column("acctsessionid", sa.Text(), nullable=False),
        sa.Column("acctuniqueid", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("realm", sa.Text(), nullable=True),
        sa.Column("nasipaddress", INET, nullable=False),
        sa.Column("nasportid", sa.Text(), nullable=True),
        sa.Column("nasporttype", sa.Text(), nullable=True),
        sa.Column("acctstarttime", INSTANT, nullable=True),
        sa.Column("acctupdatetime", INSTANT, nullable=True),
        sa.Column("acctstoptime", INSTANT, nullable=True),
        sa.Column("acctinterval", sa.BigInteger(), nullable=True),
        sa.Column("acctsessiontime", sa.BigInteger(), nullable=True),
        sa.Column("acctauthentic", sa.Text(), nullable=True),
        sa.Column("connectinfo_start", sa.Text(), nullable=True),
        sa.Column("connectinfo_stop", sa.Text(), nullable=True),
        sa.Column("acctinputoctets", sa.BigInteger(), nullable=True),
        sa.Column("acctoutputoctets", sa.BigInteger(), nullable=True),
        sa.Column("calledstationid", sa.Text(), nullable=True),
        sa.Column("callingstationid", sa.Text(), nullable=True),
        sa.Column("acctterminatecause", sa.Text(), nullable=True),
        sa.Column("servicetype", sa.Text(), nullable=True),
        sa.Column("framedprotocol", sa.Text(), nullable=True),
        sa.Column("framedipaddress", INET, nullable=True),
        sa.Column("framedipv6address", INET, nullable=True),
        sa.Column("framedipv6prefix", INET, nullable=True),
        sa.Column("framedinterfaceid", sa.Text(), nullable=True),
        sa.Column("delegatedipv6prefix", INET, nullable=True),
        sa.Column("class", sa.Text(), nullable=True),
        sa.Column("service_id", sa.Text(), nullable=True),
        sa.Column("router_id", sa.Text(), nullable=True),
        sa.Column("received_at", INSTANT, nullable=True),
        sa.Column("closed_on_evidence", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("radacctid", name="pk_radacct"),
        sa.UniqueConstraint("acctuniqueid", name="uq_radacct_acctuniqueid"),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("ix_radacct_acctstarttime", "radacct", ["acctstarttime"])
    op.create_index(
        "ix_radacct_open_nasipaddress",
        "radacct",
        ["nasipaddress"],
        sqlite_where=sa.text("acctstoptime IS NULL"),
        postgresql_where=sa.text("acctstoptime IS NULL"),
    )
    op.create_index(
        "ix_radacct_open_router_id",
        "radacct",
        ["router_id"],
        sqlite_where=sa.text("acctstoptime IS NULL"),
        postgresql_where=sa.text("acctstoptime IS NULL"),
    )
    op.create_index(
        "ix_radacct_open_username",
        "radacct",
        ["username"],
        sqlite_where=sa.text("acctstoptime IS NULL"),
        postgresql_where=sa.text("acctstoptime IS NULL"),
    )
    op.create_index("ix_radacct_service_id_acctstarttime", "radacct", ["service_id", "acctstarttime"])
    op.create_table(
        "radcheck",
        sa.Column("id", SERIAL_KEY, nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("attribute", sa.Text(), server_default="", nullable=False),
        sa.Column("op", sa.String(2), server_default="==", nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_radcheck"),
    )
    op.create_index("ix_radcheck_username_attribute", "radcheck", ["username", "attribute"])
    op.create_table(
        "radgroupcheck",
        sa.Column("id", SERIAL_KEY, nullable=False),
        sa.Column("groupname", sa.Text(), server_default="", nullable=False),
        sa.Column("attribute", sa.Text(), server_default="", nullable=False),
        sa.Column("op", sa.String(2), server_default="==", nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_radgroupcheck"),
    )
    op.create_index("ix_radgroupcheck_groupname_attribute", "radgroupcheck", ["groupname", "attribute"])
    op.create_table(
        "radgroupreply",
        sa.Column("id", SERIAL_KEY, nullable=False),
        sa.Column("groupname", sa.Text(), server_default="", nullable=False),
        sa.Column("attribute", sa.Text(), server_default="", nullable=False),
        sa.Column("op", sa.String(2), server_default="=", nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_radgroupreply"),
    )
    op.create_index("ix_radgroupreply_groupname_attribute", "radgroupreply", ["groupname", "attribute"])
    op.create_table(
        "radius_account",
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_encrypted", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("router_id", sa.Text(), nullable=True),
        sa.Column("static_ip", sa.Text(), nullable=True),
        sa.Column("suspended", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("terminated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("service_id", name="pk_radius_account"),
    )
    op.create_index("ix_radius_account_changed_seq", "radius_account", ["changed_seq"])
    op.create_index("ix_radius_account_plan_id", "radius_account", ["plan_id"])
    op.create_index(
        "uq_radius_account_live_username",
        "radius_account",
        ["username"],
        unique=True,
        sqlite_where=sa.text("NOT terminated"),
        postgresql_where=sa.text("NOT terminated"),
    )
    op.create_table(
        "radius_group",
        sa.Column("groupname", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("groupname", name="pk_radius_group"),
    )
    op.create_index("ix_radius_group_changed_seq", "radius_group", ["changed_seq"])
    op.create_table(
        "radpostauth",
        sa.Column("id", SERIAL_KEY, nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("pass", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("calledstationid", sa.Text(), nullable=True),
        sa.Column("callingstationid", sa.Text(), nullable=True),
        sa.Column("authdate", INSTANT, server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False),
        sa.Column("class", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_radpostauth"),
    )
    op.create_index("ix_radpostauth_authdate", "radpostauth", ["authdate"])
    op.create_index("ix_radpostauth_username_authdate", "radpostauth", ["username", "authdate"])
    op.create_table(
        "radreply",
        sa.Column("id", SERIAL_KEY, nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("attribute", sa.Text(), server_default="", nullable=False),
        sa.Column("op", sa.String(2), server_default="=", nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_radreply"),
    )
    op.create_index("ix_radreply_username_attribute", "radreply", ["username", "attribute"])
    op.create_table(
        "radusergroup",
        sa.Column("id", SERIAL_KEY, nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("groupname", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_radusergroup"),
    )
    op.create_index("ix_radusergroup_username", "radusergroup", ["username"])
    op.create_table(
        "removed_nas",
        sa.Column("router_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("router_id", name="pk_removed_nas"),
    )
    op.create_index("ix_removed_nas_changed_seq", "removed_nas", ["changed_seq"])
    op.execute("INSERT INTO index_version (id, seq) VALUES (1, 0)")
