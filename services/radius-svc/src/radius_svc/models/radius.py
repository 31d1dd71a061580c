"""The tables radius-svc owns.

The first part is FreeRADIUS's standard schema, names and columns exact, so that FreeRADIUS can be put in
front of the same database and give the same answers. Columns of our own come last in each table and are
nullable. The second part is ours alone: which service a login belongs to, and what changed when.
"""

from __future__ import annotations

from datetime import datetime

from servicekit.db import UtcDateTime
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
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RadCheck(Base):
    """What a login is checked against: `NT-Password := <hex>`, and `Simultaneous-Use := <n>` if limited."""

    __tablename__ = "radcheck"
    __table_args__ = (Index(None, "username", "attribute"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    username: Mapped[str] = mapped_column(Text, server_default="")
    attribute: Mapped[str] = mapped_column(Text, server_default="")
    op: Mapped[str] = mapped_column(String(2), server_default="==")
    value: Mapped[str] = mapped_column(Text, server_default="")


class RadReply(Base):
    """What one login is given, before anything from its groups."""

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
    """What every login of the group is given."""

    __tablename__ = "radgroupreply"
    __table_args__ = (Index(None, "groupname", "attribute"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    groupname: Mapped[str] = mapped_column(Text, server_default="")
    attribute: Mapped[str] = mapped_column(Text, server_default="")
    op: Mapped[str] = mapped_column(String(2), server_default="=")
    value: Mapped[str] = mapped_column(Text, server_default="")


class RadUserGroup(Base):
    """The groups of a login; the lowest priority is asked first."""

    __tablename__ = "radusergroup"
    __table_args__ = (Index(None, "username"),)

    id: Mapped[int] = mapped_column(BigSerial, primary_key=True)
    username: Mapped[str] = mapped_column(Text, server_default="")
    groupname: Mapped[str] = mapped_column(Text, server_default="")
    priority: Mapped[int] = mapped_column(Integer, server_default="0")


OPEN_SESSION = text("acctstoptime IS NULL")
CLOSED_SESSION = text("acctstoptime IS NOT NULL")


def _open_sessions_by(column: str, *, known: str | None = None) -> Index:
    """An index of the open sessions by one column, which serves no query but those by this column.

    PostgreSQL takes open sessions to be few when its statistics are of a moment at which they were (after a
    power cut, say), and then it would read all of them by an index that promises nothing but that they are
    open. So each promises something more about its own column.
    """
    own = known or f"{column} IS NOT NULL"
    return Index(
        f"ix_radacct_open_{column}",
        column,
        sqlite_where=OPEN_SESSION,
        postgresql_where=text(f"{OPEN_SESSION} AND {own}"),
    )


class RadAcct(Base):
    """One session of one login, from its first accounting packet on. Closed, never deleted."""

    __tablename__ = "radacct"
    __table_args__ = (
        UniqueConstraint("acctuniqueid"),
        _open_sessions_by("username"),
        _open_sessions_by("nasipaddress"),
        _open_sessions_by("router_id"),
        _open_sessions_by("radacctid", known="radacctid > 0"),
        Index(None, "service_id", "acctstarttime"),
        # Closed ones only, so that a Start and an Interim-Update need not keep it. So are those by the
        # beginning of a text (migration 0006), which are not here: what a database tells of an index on an
        # expression cannot be compared with a model.
        Index(
            "ix_radacct_closed_router_id",
            "router_id",
            "radacctid",
            sqlite_where=CLOSED_SESSION,
            postgresql_where=CLOSED_SESSION,
        ),
        # Interims change no indexed column: room in the page keeps them heap-only updates.
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


# All that are open, found by the index that promises both (see _open_sessions_by).
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
    # The last packet signed with another secret than ours: the operator is told to compare them.
    last_secret_mismatch_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NasReload(Base):
    """FreeRADIUS keeps the time of a NAS's last restart here."""

    __tablename__ = "nasreload"

    nasipaddress: Mapped[str] = mapped_column(InternetAddress, primary_key=True)
    reloadtime: Mapped[datetime] = mapped_column(UtcDateTime)


REFUSED = text("reply = 'Access-Reject'")


class RadPostAuth(Base):
    """Refused logins, and with FreeRADIUS in front accepted ones too. `pass` stays empty: no table holds a
    password somebody typed.

    `repeats` is set on a row that stands for so many refusals alike, of one login and MAC within a minute.
    """

    __tablename__ = "radpostauth"
    __table_args__ = (
        Index(None, "username", "authdate"),
        Index(None, "authdate"),
        # Refused ones only, so that an accepted login need not keep it. So are those by the beginning of a
        # text (migration 0008), which are not here, as with radacct.
        Index(
            "ix_radpostauth_refused_authdate",
            "authdate",
            "id",
            sqlite_where=REFUSED,
            postgresql_where=REFUSED,
        ),
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


# In the words of the index: asked `terminated IS false`, PostgreSQL looks at every account instead.
LIVE_ACCOUNT = text("NOT terminated")


class RadiusAccount(Base):
    """The login of one service. Its standard-table rows are written from it, in the same transaction."""

    __tablename__ = "radius_account"
    __table_args__ = (
        Index(
            "uq_radius_account_live_username",
            "username",
            unique=True,
            sqlite_where=LIVE_ACCOUNT,
            postgresql_where=LIVE_ACCOUNT,
        ),
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
    # How many sessions at a time; null is no limit.
    session_limit: Mapped[int | None] = mapped_column(Integer)


class RadiusGroup(Base):
    """A group of ours in radgroupcheck and radgroupreply: `plan:<plan_id>` or `suspended`."""

    __tablename__ = "radius_group"
    __table_args__ = (Index(None, "changed_seq"),)

    groupname: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    changed_seq: Mapped[int] = mapped_column(BigInteger)


class RemovedNas(Base):
    """A router whose row in `nas` is gone, kept so that a late older event cannot bring it back."""

    __tablename__ = "removed_nas"
    __table_args__ = (Index(None, "changed_seq"),)

    router_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    changed_seq: Mapped[int] = mapped_column(BigInteger)


class IndexVersion(Base):
    """One row. Its lock makes the order of `seq` the order of commits, so a reader that asks for
    `changed_seq > last seen` misses nothing."""

    __tablename__ = "index_version"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
