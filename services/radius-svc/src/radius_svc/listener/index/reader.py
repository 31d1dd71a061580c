"""Fills the index from the database and reads changes."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from servicekit.logs import log
from sqlalchemy import Connection, func, select

from radius_svc.listener.database import rows_in_turns
from radius_svc.listener.index.entries import GroupTable, Index, Login, NasEntry
from radius_svc.models import (
    LIVE_ACCOUNT,
    IndexVersion,
    Nas,
    RadCheck,
    RadGroupCheck,
    RadGroupReply,
    RadiusAccount,
    RadiusGroup,
    RadReply,
    RadUserGroup,
    RemovedNas,
)
from radius_svc.protocol import attribute_names
from radius_svc.protocol.attributes import ReplyItem
from radius_svc.protocol.signing import SharedSecret

_NAMES_PER_QUERY = 500


class IndexReader:
    """The only writer of the index. `seq` is the last change it has read (see IndexVersion)."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.seq = -1
        self._usernames: dict[str, str] = {}

    def load(self, connection: Connection) -> int:
        """Read everything again. Returns how many entries differed from the index."""
        seq = current_seq(connection)
        logins = dict(_read_logins(connection))
        nas = _read_nas(connection)
        groups = _read_groups(connection)
        differences = (
            _differences(self._index.logins, logins)
            + _differences(self._index.nas, nas)
            + _differences(self._index.groups.replies, groups.replies)
        )
        self._index.logins, self._index.nas = logins, nas
        if groups != self._index.groups:
            self._index.groups = groups
        self._usernames = {login.service_id: username for username, login in logins.items()}
        self.seq = seq
        return differences

    def refresh(self, connection: Connection) -> None:
        """Read what has changed since the last time."""
        seq = current_seq(connection)
        if seq < self.seq:  # a backup was restored: everything may differ
            self.load(connection)
            return
        if _any_change(connection, Nas, self.seq) or _any_change(connection, RemovedNas, self.seq):
            self._index.nas = _read_nas(connection)
        if _any_change(connection, RadiusGroup, self.seq):
            self._index.groups = _read_groups(connection)
        self._refresh_logins(connection)
        self.seq = seq

    def _refresh_logins(self, connection: Connection) -> None:
        statement = select(RadiusAccount.service_id, RadiusAccount.username, RadiusAccount.terminated).where(
            RadiusAccount.changed_seq > self.seq
        )
        changed = connection.execute(statement).all()
        live = [row.username for row in changed if not row.terminated]
        for names in _chunks(live):
            self._index.logins.update(_read_logins(connection, names))
        for row in changed:  # after the update, so that no login is missing in between
            self._forget_other_name(row.service_id, None if row.terminated else row.username)

    def _forget_other_name(self, service_id: str, username: str | None) -> None:
        former = self._usernames.pop(service_id, None)
        if username is not None:
            self._usernames[service_id] = username
        if former is None or former == username:
            return
        # Another service may have taken over the name in the meantime.
        if former in self._index.logins and self._index.logins[former].service_id == service_id:
            del self._index.logins[former]


def current_seq(connection: Connection) -> int:
    """The number of the last committed change."""
    return connection.execute(select(IndexVersion.seq).where(IndexVersion.id == 1)).scalar() or 0


def _any_change(connection: Connection, model: Any, seq: int) -> bool:
    return (
        connection.execute(select(model.changed_seq).where(model.changed_seq > seq).limit(1)).first()
        is not None
    )


def _read_logins(connection: Connection, names: Sequence[str] | None = None) -> Iterator[tuple[str, Login]]:
    """The live logins, all or those of the given names, with their rows in the standard tables."""
    hashes, limits = _read_checks(connection, names)
    own = _read_items(connection, RadReply, RadReply.username, names)
    groups = _read_memberships(connection, names)
    statement = select(
        RadiusAccount.service_id, RadiusAccount.username, RadiusAccount.password_encrypted
    ).where(LIVE_ACCOUNT)
    if names is not None:
        statement = statement.where(RadiusAccount.username.in_(names))
    for service_id, username, password_encrypted in rows_in_turns(connection, statement):
        yield (
            username,
            Login(
                service_id=service_id,
                nt_hash=hashes.get(username),
                password_encrypted=password_encrypted,
                groups=groups.get(username, ()),
                own=own.get(username, ()),
                session_limit=limits.get(username),
            ),
        )


def _read_checks(
    connection: Connection, names: Sequence[str] | None
) -> tuple[dict[str, bytes], dict[str, int]]:
    """NT-Password and Simultaneous-Use, by username."""
    statement = select(RadCheck.username, RadCheck.attribute, RadCheck.value).where(
        RadCheck.attribute.in_((attribute_names.NT_PASSWORD, attribute_names.SIMULTANEOUS_USE))
    )
    if names is not None:
        statement = statement.where(RadCheck.username.in_(names))
    hashes: dict[str, bytes] = {}
    limits: dict[str, int] = {}
    for username, attribute, value in rows_in_turns(connection, statement):
        try:
            if attribute == attribute_names.NT_PASSWORD:
                hashes[username] = bytes.fromhex(value.removeprefix("0x"))
            else:
                limits[username] = int(value)
        except ValueError:
            log.warning("invalid row in radcheck", username=username, attribute=attribute)
    return hashes, limits


def _read_items(
    connection: Connection, table: Any, owner: Any, names: Sequence[str] | None = None
) -> dict[str, tuple[ReplyItem, ...]]:
    statement = select(owner, table.attribute, table.op, table.value).order_by(table.id)
    if names is not None:
        statement = statement.where(owner.in_(names))
    items: dict[str, list[ReplyItem]] = defaultdict(list)
    for name, attribute, op, value in rows_in_turns(connection, statement):
        items[name].append(ReplyItem(attribute, op, value))
    return {name: tuple(rows) for name, rows in items.items()}


def _read_memberships(connection: Connection, names: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    statement = select(RadUserGroup.username, RadUserGroup.groupname).order_by(
        RadUserGroup.priority, RadUserGroup.id
    )
    if names is not None:
        statement = statement.where(RadUserGroup.username.in_(names))
    groups: dict[str, tuple[str, ...]] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # thousands of logins have the same few groups
    for username, groupname in rows_in_turns(connection, statement):
        combined = (*groups.get(username, ()), groupname)
        groups[username] = shared.setdefault(combined, combined)
    return groups


def _read_groups(connection: Connection) -> GroupTable:
    refused = connection.execute(
        select(RadGroupCheck.groupname).where(
            RadGroupCheck.attribute == attribute_names.AUTH_TYPE,
            RadGroupCheck.value == attribute_names.REJECT,
        )
    ).scalars()
    return GroupTable(_read_items(connection, RadGroupReply, RadGroupReply.groupname), refused)


def _read_nas(connection: Connection) -> dict[str, NasEntry]:
    """Routers by address. If two have the same address, the row written last counts."""
    statement = (
        select(
            Nas.id,
            Nas.nasname,
            Nas.shortname,
            Nas.secret,
            Nas.router_id,
            Nas.require_message_authenticator,
            Nas.type,
        )
        .where(func.coalesce(Nas.disabled, False).is_(False))
        .order_by(func.coalesce(Nas.changed_seq, 0), Nas.id)
    )
    entries = {}
    for row in connection.execute(statement):
        try:
            address = str(ipaddress.ip_address(row.nasname))
        except ValueError:
            log.warning("nas.nasname is not an address; the router is ignored", nasname=row.nasname)
            continue
        entries[address] = NasEntry(
            id=row.id,
            address=address,
            label=row.shortname or address,
            secret=SharedSecret(row.secret.encode()),
            router_id=row.router_id,
            require_message_authenticator=row.require_message_authenticator is not False,
            is_mikrotik=row.type == "mikrotik",
        )
    return entries


def _differences(before: dict[str, Any], after: dict[str, Any]) -> int:
    changed = sum(1 for key, value in after.items() if before.get(key) != value)
    return changed + sum(1 for key in before if key not in after)


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(names)
    while chunk := list(islice(iterator, _NAMES_PER_QUERY)):
        yield chunk
