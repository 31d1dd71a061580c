"""The tables that RADIUS answers come from.

The first part is FreeRADIUS's standard schema with its exact names and columns, so that FreeRADIUS can run on
the same database and give the same answers. Our additional columns come last in each table and are nullable.
The second part is our own: which service a login belongs to, and what changed when.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from servicekit.db import NAMING_CONVENTION, UtcDateTime, partial_index
from servicekit.tables import BigSerial
from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    and_,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

InternetAddress = Text().with_variant(INET(), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class RadCheck(Base):
    """What a login is checked against: `NT-Password := <hex>`, and `Simultaneous-Use := <n>` for a limit."""

    __tablename__ = "radcheck"
    __table_args__ = (Index(None, "username", "attribute"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    username: Mapped[str] = mapped_column(Text, server_default="")
    attribute: Mapped[str] = mapped_column(Text, server_default="")
    op: Mapped[str] = mapped_column(String(2), server_default="==")
    value: Mapped[str] = mapped_column(Text, server_default="")


class RadReply(Base):
    """Attributes sent to one login. They come before those of its groups."""

    __tablename__ = "radreply"
    __table_args__ = (Index(None, "username", "attribute"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    username: Mapped[str] = mapped_column(Text, server_default="")
    attribute: Mapped[str] = mapped_column(Text, server_default="")
    op: Mapped[str] = mapped_column(String(2), server_default="=")
    value: Mapped[str] = mapped_column(Text, server_default="")


class RadGroupCheck(Base):
    """`Auth-Type := Reject` here refuses every login of the group."""

    __tablename__ = "radgroupcheck"
    __table_args__ = (Index(None, "groupname", "attribute"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    groupname: Mapped[str] = mapped_column(Text, server_default="")
    attribute: Mapped[str] = mapped_column(Text, server_default="")
    op: Mapped[str] = mapped_column(String(2), server_default="==")
    value: Mapped[str] = mapped_column(Text, server_default="")


class RadGroupReply(Base):
    """Attributes sent to every login of the group."""

    __tablename__ = "radgroupreply"
    __table_args__ = (Index(None, "groupname", "attribute"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    groupname: Mapped[str] = mapped_column(Text, server_default="")
    attribute: Mapped[str] = mapped_column(Text, server_default="")
    op: Mapped[str] = mapped_column(String(2), server_default="=")
    value: Mapped[str] = mapped_column(Text, server_default="")


class RadUserGroup(Base):
    """The groups of a login; the group with the lowest priority is read first."""

    __tablename__ = "radusergroup"
    __table_args__ = (Index(None, "username"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    username: Mapped[str] = mapped_column(Text, server_default="")
    groupname: Mapped[str] = mapped_column(Text, server_default="")
    priority: Mapped[int] = mapped_column(Integer, server_default="0")


OPEN_SESSION = text("acctstoptime IS NULL")
CLOSED_SESSION = text("acctstoptime IS NOT NULL")


def _open_sessions_by(column: str, *, condition: str | None = None) -> Index:
    """An index of the open sessions by one column, useful only for queries on this column.

    When PostgreSQL's statistics are from a time with few open sessions (after a power cut, for example), it
    would scan all open sessions with any index whose only condition is that they are open. So each index has
    another condition on its own column.
    """
    own = condition or f"{column} IS NOT NULL"
    return Index(
        f"ix_radacct_open_{column}",
        column,
        sqlite_where=OPEN_SESSION,
        postgresql_where=text(f"{OPEN_SESSION} AND {own}"),
    )


class RadAcct(Base):
    """One session of one login, from its first accounting packet on.

    Closed sessions are deleted when they are older than ISPOS_RADIUS_SESSION_DAYS (usecases.retention).
    """

    __tablename__ = "radacct"
    __table_args__ = (
        UniqueConstraint("acctuniqueid"),
        _open_sessions_by("username"),
        _open_sessions_by("nasipaddress"),
        _open_sessions_by("router_id"),
        _open_sessions_by("radacctid", condition="radacctid > 0"),
        Index(None, "service_id", "acctstarttime"),
        # Closed sessions only, so that a Start or Interim-Update does not have to update it. The same is true
        # of the indexes for searching (migration 0006). Those are not declared here, because an index on an
        # expression cannot be compared with what the database reports.
        partial_index("ix_radacct_closed_router_id", "router_id", "radacctid", where=CLOSED_SESSION),
        # Interim-Updates change no indexed column, so with free space in the page they are heap-only updates.
        {"postgresql_with": {"fillfactor": "80"}},
    )

    radacctid: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    acctsessionid: Mapped[str] = mapped_column(Text)
    acctuniqueid: Mapped[str] = mapped_column(Text)
    username: Mapped[str | None] = mapped_column(Text)
    realm: Mapped[str | None] = mapped_column(Text)
    nasipaddress: Mapped[str] = mapped_column(InternetAddress)
    nasportid: Mapped[str | None] = mapped_column(Text)
    nasporttype: Mapped[str | None] = mapped_column(Text)
    acctstarttime: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acctupdatetime: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acctstoptime: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acctinterval: Mapped[int | None] = mapped_column(BigInteger)
    acctsessiontime: Mapped[int | None] = mapped_column(BigInteger)
    acctauthentic: Mapped[str | None] = mapped_column(Text)
    connectinfo_start: Mapped[str | None] = mapped_column(Text)
    connectinfo_stop: Mapped[str | None] = mapped_column(Text)
    acctinputoctets: Mapped[int | None] = mapped_column(BigInteger)
    acctoutputoctets: Mapped[int | None] = mapped_column(BigInteger)
    calledstationid: Mapped[str | None] = mapped_column(Text)
    callingstationid: Mapped[str | None] = mapped_column(Text)
    acctterminatecause: Mapped[str | None] = mapped_column(Text)
    servicetype: Mapped[str | None] = mapped_column(Text)
    framedprotocol: Mapped[str | None] = mapped_column(Text)
    framedipaddress: Mapped[str | None] = mapped_column(InternetAddress)
    framedipv6address: Mapped[str | None] = mapped_column(InternetAddress)
    framedipv6prefix: Mapped[str | None] = mapped_column(InternetAddress)
    framedinterfaceid: Mapped[str | None] = mapped_column(Text)
    delegatedipv6prefix: Mapped[str | None] = mapped_column(InternetAddress)
    class_: Mapped[str | None] = mapped_column("class", Text)
    service_id: Mapped[str | None] = mapped_column(Text)
    router_id: Mapped[str | None] = mapped_column(Text)
    # When the server received the Start; acctstarttime is that minus Acct-Delay-Time.
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # A value of domain.evidence.Evidence if the session was closed without a Stop; null if the NAS sent one.
    closed_on_evidence: Mapped[str | None] = mapped_column(Text)


# All open sessions, found by the index with both conditions (see _open_sessions_by).
IS_OPEN = and_(RadAcct.acctstoptime.is_(None), RadAcct.radacctid > 0)


class Nas(Base):
    """A RADIUS client, known by the source address of its packets (`nasname`)."""

    __tablename__ = "nas"
    __table_args__ = (Index(None, "nasname"), UniqueConstraint("router_id"), Index(None, "changed_seq"))

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    nasname: Mapped[str] = mapped_column(Text)
    shortname: Mapped[str | None] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text, server_default="other")
    ports: Mapped[int | None] = mapped_column(Integer)
    secret: Mapped[str] = mapped_column(Text)
    server: Mapped[str | None] = mapped_column(Text)
    community: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    router_id: Mapped[str | None] = mapped_column(Text)
    coa_port: Mapped[int | None] = mapped_column(Integer)
    session_control: Mapped[str | None] = mapped_column(Text)  # 'coa' or 'disconnect'
    require_message_authenticator: Mapped[bool | None] = mapped_column(server_default=true())
    version: Mapped[int | None] = mapped_column(Integer)
    changed_seq: Mapped[int | None] = mapped_column(BigInteger)
    disabled: Mapped[bool | None] = mapped_column(server_default=false())
    last_heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When the last packet with another secret than ours came. The operator is asked to compare the secrets.
    last_secret_mismatch_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NasReload(Base):
    """FreeRADIUS stores the time of each NAS's last restart here."""

    __tablename__ = "nasreload"

    nasipaddress: Mapped[str] = mapped_column(InternetAddress, primary_key=True)
    reloadtime: Mapped[datetime] = mapped_column(UtcDateTime)


REFUSED = text("reply = 'Access-Reject'")


class RadPostAuth(Base):
    """Refused logins.

    `pass` is always empty: no table contains a password that somebody typed. `repeats` is set on a row that
    represents this many refusals of the same login and MAC address within a minute.
    """

    __tablename__ = "radpostauth"
    __table_args__ = (
        Index(None, "username", "authdate"),
        Index(None, "authdate"),
        # Refused logins only. The indexes for searching (migration 0008) are not declared here, as for
        # radacct.
        partial_index("ix_radpostauth_refused_authdate", "authdate", "id", where=REFUSED),
    )

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    username: Mapped[str] = mapped_column(Text)
    pass_: Mapped[str | None] = mapped_column("pass", Text)
    reply: Mapped[str | None] = mapped_column(Text)
    calledstationid: Mapped[str | None] = mapped_column(Text)
    callingstationid: Mapped[str | None] = mapped_column(Text)
    authdate: Mapped[datetime] = mapped_column(UtcDateTime, server_default=text("CURRENT_TIMESTAMP"))
    class_: Mapped[str | None] = mapped_column("class", Text)
    reason: Mapped[str | None] = mapped_column(Text)
    repeats: Mapped[int | None] = mapped_column(Integer)


# Use this condition, not `RadiusAccount.terminated.is_(False)`: for `terminated IS false` PostgreSQL does not
# use the index below and reads every account (measured: 5 ms instead of 0.04 ms with 50,000 accounts).
LIVE_ACCOUNT = text("NOT terminated")


class RadiusAccount(Base):
    """The login of one service. Its rows in the standard tables are written in the same transaction."""

    human_name: ClassVar[str] = "service"  # in error messages

    __tablename__ = "radius_account"
    __table_args__ = (
        partial_index("uq_radius_account_live_username", "username", where=LIVE_ACCOUNT, unique=True),
        Index(None, "changed_seq"),
        Index(None, "plan_id"),
    )

    service_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    subscriber_id: Mapped[str] = mapped_column(Text)
    username: Mapped[str] = mapped_column(Text)
    password_encrypted: Mapped[str] = mapped_column(Text)
    plan_id: Mapped[str] = mapped_column(Text)
    router_id: Mapped[str | None] = mapped_column(Text)
    static_ip: Mapped[str | None] = mapped_column(Text)
    suspended: Mapped[bool] = mapped_column(server_default=false())
    terminated: Mapped[bool] = mapped_column(server_default=false())
    changed_seq: Mapped[int] = mapped_column(BigInteger)
    # How many sessions it may have at a time; null means no limit.
    session_limit: Mapped[int | None] = mapped_column(Integer)


class RadiusGroup(Base):
    """A group we write in radgroupcheck and radgroupreply: `plan:<plan_id>` or `suspended`."""

    __tablename__ = "radius_group"
    __table_args__ = (Index(None, "changed_seq"),)

    groupname: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    changed_seq: Mapped[int] = mapped_column(BigInteger)


class RemovedNas(Base):
    """A router that was removed from `nas`. The row prevents a late, older event from adding it again."""

    __tablename__ = "removed_nas"
    __table_args__ = (Index(None, "changed_seq"),)

    router_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    changed_seq: Mapped[int] = mapped_column(BigInteger)


class IndexVersion(Base):
    """One row with the number of the last change.

    Every writer locks it, so transactions commit in the order of `seq`, and a reader that asks for
    `changed_seq > last seen` misses nothing.
    """

    __tablename__ = "index_version"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
