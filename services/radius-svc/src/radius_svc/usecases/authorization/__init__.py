"""Writes what RADIUS answers: our own rows and, in the same transaction, the standard tables.

Every function works in the caller's transaction and returns whether it changed anything: what carries a
version that is not newer than the one stored is an event that came late or twice, and is ignored. Whoever
reads incrementally sees the change by `changed_seq` (see `models.IndexVersion`).

Each function begins with `next_seq`. The row lock it takes lets one writer in at a time, so versions are
compared without further locks and no two writers can wait for each other.
"""

from radius_svc.usecases.authorization.accounts import AccountData, write_account
from radius_svc.usecases.authorization.groups import (
    SUSPENDED_GROUP,
    group_replies,
    plan_group,
    suspended_are_refused,
    write_plan_group,
    write_suspended_group,
)
from radius_svc.usecases.authorization.nas import NasClient, remove_nas, write_nas
from radius_svc.usecases.authorization.versions import next_seq

__all__ = [
    "SUSPENDED_GROUP",
    "AccountData",
    "NasClient",
    "group_replies",
    "next_seq",
    "plan_group",
    "remove_nas",
    "suspended_are_refused",
    "write_account",
    "write_nas",
    "write_plan_group",
    "write_suspended_group",
]
