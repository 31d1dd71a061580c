"""All that authentication needs, in memory. `index_reader` keeps it fresh.

One thread refreshes, others read without a lock: every entry is immutable and put in place by a single
assignment, so a reader sees the old or the new one and nothing between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from servicekit.logs import log

from radius_svc.protocol.attributes import ReplyItem, encode, merged
from radius_svc.protocol.signing import SharedSecret

_CACHED_ANSWERS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Account:
    """A login that may be answered. `own` are its radreply rows, `groups` its groups by priority.

    `session_limit` is its Simultaneous-Use: how many sessions it may have, None for any number.
    """

    service_id: str
    nt_hash: bytes | None = field(repr=False)
    password_encrypted: str = field(repr=False)
    groups: tuple[str, ...]
    own: tuple[ReplyItem, ...]
    session_limit: int | None = None


@dataclass(frozen=True, slots=True)
class NasEntry:
    """A router that may ask. `label` names it in metrics and logs."""

    id: int
    address: str
    label: str
    secret: SharedSecret = field(repr=False)
    router_id: str | None
    require_message_authenticator: bool
    is_mikrotik: bool

    @classmethod
    def forgotten(cls, address: str) -> NasEntry:
        """A router that asked once and is not known any more: for what it said, not for what it may ask."""
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
class Answer:
    """What a login with the right password is told: refused, or these octets."""

    refused: bool
    attributes: bytes


class GroupTable:
    """The groups at one moment, and the answers computed from them. Replaced as a whole."""

    def __init__(
        self, replies: dict[str, tuple[ReplyItem, ...]] | None = None, refused: Iterable[str] = ()
    ) -> None:
        self.replies = replies or {}
        self.refused = frozenset(refused)
        # By the groups of a login, and what it has of its own.
        self._answers: dict[tuple[Any, ...], Answer] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupTable) and (self.replies, self.refused) == (
            other.replies,
            other.refused,
        )

    __hash__ = None  # type: ignore[assignment]

    def answer(self, account: Account) -> Answer:
        key = (account.groups, account.own) if account.own else account.groups
        found = self._answers.get(key)
        if found is None:
            if len(self._answers) >= _CACHED_ANSWERS:
                self._answers.clear()
            found = self._answers[key] = self._compute(account)
        return found

    def _compute(self, account: Account) -> Answer:
        if not self.refused.isdisjoint(account.groups):
            return Answer(refused=True, attributes=b"")
        items = merged(account.own, [self.replies.get(group, ()) for group in account.groups])
        return Answer(refused=False, attributes=b"".join(_encoded(items)))


class Index:
    """Accounts by username, routers by source address, groups."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.nas: dict[str, NasEntry] = {}
        self.groups = GroupTable()


def _encoded(items: Iterable[ReplyItem]) -> Iterator[bytes]:
    for item in items:
        try:
            yield encode(item)
        except ValueError as error:
            # The login is worth more than one attribute of it.
            log.warning("a reply attribute is left out", attribute=item.name, error=str(error))
