"""Everything authentication needs, in memory: logins, routers, groups. `keeper` keeps it up to date.

One thread writes; others read without a lock. Every entry is immutable and replaced by a single assignment,
so a reader sees either the old or the new entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from servicekit.logs import log

from radius_svc.protocol.attributes import ReplyItem, encode, merged
from radius_svc.protocol.signing import SharedSecret

_MAX_CACHED_REPLIES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Login:
    """A login of a live service. `own` are its rows of radreply; `groups` are sorted by priority.

    `session_limit` is the number of sessions it may have (Simultaneous-Use); None means no limit.
    """

    service_id: str
    nt_hash: bytes | None = field(repr=False)
    password_encrypted: str = field(repr=False)
    groups: tuple[str, ...]
    own: tuple[ReplyItem, ...]
    session_limit: int | None = None


@dataclass(frozen=True, slots=True)
class NasEntry:
    """A router that may send requests. `label` identifies it in metrics and logs."""

    id: int
    address: str
    label: str
    secret: SharedSecret = field(repr=False)
    router_id: str | None
    require_message_authenticator: bool
    is_mikrotik: bool

    @classmethod
    def forgotten(cls, address: str) -> NasEntry:
        """A router that has been removed, for reading packets it sent before. It cannot log anyone in."""
        return cls(
            id=0,
            address=address,
            label=address,
            secret=SharedSecret(b""),
            router_id=None,
            require_message_authenticator=True,
            is_mikrotik=False,
        )


@dataclass(frozen=True, slots=True)
class LoginReply:
    """The reply to a login with the right password: refused, or these attributes."""

    refused: bool
    attributes: bytes


class GroupTable:
    """All groups as of one change, and a cache of the replies computed from them. Replaced as a whole."""

    def __init__(
        self, replies: dict[str, tuple[ReplyItem, ...]] | None = None, refused: Iterable[str] = ()
    ) -> None:
        self.replies = replies or {}
        self.refused = frozenset(refused)
        # By the groups of a login and its own rows.
        self._replies: dict[tuple[Any, ...], LoginReply] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupTable) and (self.replies, self.refused) == (
            other.replies,
            other.refused,
        )

    __hash__ = None  # type: ignore[assignment]

    def reply_for(self, login: Login) -> LoginReply:
        """The reply to the login if its password is right."""
        key = (login.groups, login.own) if login.own else login.groups
        found = self._replies.get(key)
        if found is None:
            if len(self._replies) >= _MAX_CACHED_REPLIES:
                self._replies.clear()
            found = self._replies[key] = self._compute(login)
        return found

    def _compute(self, login: Login) -> LoginReply:
        if not self.refused.isdisjoint(login.groups):
            return LoginReply(refused=True, attributes=b"")
        items = merged(login.own, [self.replies.get(group, ()) for group in login.groups])
        return LoginReply(refused=False, attributes=b"".join(_encoded(items)))


class Index:
    """Logins by username, routers by source address, and the groups."""

    def __init__(self) -> None:
        self.logins: dict[str, Login] = {}
        self.nas: dict[str, NasEntry] = {}
        self.groups = GroupTable()


def _encoded(items: Iterable[ReplyItem]) -> Iterator[bytes]:
    for item in items:
        try:
            yield encode(item)
        except ValueError as error:
            # Better to let the login in without the attribute than not at all.
            log.warning("reply attribute skipped", attribute=item.name, error=str(error))
