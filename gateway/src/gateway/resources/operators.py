"""Operators: the input to invite or change one."""

from __future__ import annotations

from typing import Annotated

from gateway.models import Role
from gateway.resources.fields import Input, Name, one_of, optional

RoleInput = Annotated[Role, one_of(Role)]


class RoleChange(Input):
    role: RoleInput = optional()


class OperatorChange(RoleChange):
    """Disabling an operator ends their sessions, and their API tokens stop working."""

    disabled: bool = optional()


class NewInvitation(Input):
    email: Name
    role: RoleInput
