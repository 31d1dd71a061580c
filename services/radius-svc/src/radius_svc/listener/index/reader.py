"""Fills the index from the database, and follows what changes there."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from servicekit.logs import log
from sqlalchemy import Connection, func, select

from radius_svc.listener.database import rows_in_turns
from radius_svc.listener.index.entries import Account, GroupTable, Index, NasEntry
from radius_svc.models import (
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
    """The only one who writes into the index. `seq` is the last change it has read."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.seq = -1
        self._usernames: dict[str, str] = {}

    def load(self, connection: Connection) -> int:
        """Read everything anew; returns how many entries were other than the index had them."""
        seq = current_seq(connection)
        accounts = dict(_read_accounts(connection))
        nas = _read_nas(connection)
        groups = _read_groups(connection)
        differences = (
            _differences(self._index.accounts, accounts)
            + _differences(self._index.nas, nas)
            + _differences(self._index.groups.replies, groups.replies)
        )
        self._index.accounts, self._index.nas = accounts, nas
        if groups != self._index.groups:
            self._index.groups = groups
        self._usernames = {account.service_id: username for username, account in accounts.items()}
        self.seq = seq
        return differences

    def refresh(self, connection: Connection) -> None:
        """Read what changed since the last time."""
        seq = current_seq(connection)
        if seq < self.seq:  # a backup was restored: nothing known is certain
            self.load(connection)
            return
        if _any_change(connection, Nas, self.seq) or _any_change(connection, RemovedNas, self.seq):
            self._index.nas = _read_nas(connection)
        if _any_change(connection, RadiusGroup, self.seq):
            self._index.groups = _read_groups(connection)
        self._refresh_accounts(connection)
        self.seq = seq

    def _refresh_accounts(self, connection: Connection) -> None:
        statement = select(RadiusAccount.service_id, RadiusAccount.username, RadiusAccount.terminated).where(
            RadiusAccount.changed_seq > self.seq
        )
        changed = connection.execute(statement).all()
        live = [row.username for row in changed if not row.terminated]
        for names in _chunks(live):
            self._index.accounts.update(_read_accounts(connection, names))
        for row in changed:  # after the update, so that no login is missing for a moment
            self._forget_other_name(row.service_id, None if row.terminated else row.username)

    def _forget_other_name(self, service_id: str, username: str | None) -> None:
        former = self._usernames.pop(service_id, None)
        if username is not None:
            self._usernames[service_id] = username
        if former is None or former == username:
            return
        # Another service may have taken the name over in the meantime.
        if former in self._index.accounts and self._index.accounts[former].service_id == service_id:
            del self._index.accounts[former]


def current_seq(connection: Connection) -> int:
    """The number of the last committed change."""
    return connection.execute(select(IndexVersion.seq).where(IndexVersion.id == 1)).scalar() or 0


def _any_change(connection: Connection, model: Any, seq: int) -> bool:
    return (
        connection.execute(select(model.changed_seq).where(model.changed_seq > seq).limit(1)).first()
        is not None
    )


def _read_accounts(
    connection: Connection, names: Sequence[str] | None = None
) -> Iterator[tuple[str, Account]]:
    """The live accounts, all or those of the given names, with what the standard tables say of each."""
    hashes, limits = _read_checks(connection, names)
    own = _read_items(connection, RadReply, RadReply.username, names)
    groups = _read_memberships(connection, names)
    statement = select(
        RadiusAccount.service_id, RadiusAccount.username, RadiusAccount.password_encrypted
    ).where(RadiusAccount.terminated.is_(False))
    if names is not None:
        statement = statement.where(RadiusAccount.username.in_(names))
    for service_id, username, password_encrypted in rows_in_turns(connection, statement):
        yield (
            username,
            Account(
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
    """NT-Password and Simultaneous-Use of each login that has them."""
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
            log.warning("a row of radcheck cannot be read", username=username, attribute=attribute)
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
    """Routers by address. Should two have the same one, the row written last is believed."""
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
            log.warning("nas.nasname is not an address, the row is not served", nasname=row.nasname)
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
