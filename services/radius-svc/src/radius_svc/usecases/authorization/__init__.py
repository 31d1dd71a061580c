"""Writes the tables that RADIUS answers come from: our own and, in the same transaction, the standard ones.

Every writing function works in the caller's transaction and returns whether it changed anything. A version
that is not newer than the stored one comes from a late or repeated event and is ignored. Readers find
changes by `changed_seq` (see `models.IndexVersion`).

Each of these functions starts with `next_seq`, which takes a row lock. So there is one writer at a time:
versions can be compared without further locks, and there are no deadlocks.
"""

from radius_svc.usecases.authorization.accounts import (
    PLAN_PRIORITY,
    SUSPENDED_PRIORITY,
    AccountData,
    write_account,
)
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
    "PLAN_PRIORITY",
    "SUSPENDED_GROUP",
    "SUSPENDED_PRIORITY",
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
