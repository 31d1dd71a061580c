"""Types that every contract uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from msgspec import Meta

# An instant always has a time zone; the codec refuses a naive datetime on both sides.
Instant = Annotated[datetime, Meta(tz=True)]

SubscriberId = str
PlanId = str
ServiceId = str
RouterId = str
InvoiceId = str
PaymentId = str

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list. `next` is the cursor of the following page, or None on the last one."""

    items: list[Item]
    next: str | None = None


@dataclass(frozen=True)
class BillingPeriod:
    """The days from `start` up to, not including, `end`."""

    start: date
    end: date


@dataclass(frozen=True)
class FieldError:
    """One invalid field of an input: its name as the caller wrote it, and what to do about it."""

    field: str
    message: str


@dataclass(frozen=True)
class CommandWarning:
    """Why a command is probably a mistake.

    `code` never changes, so that callers can confirm it. `message` is one or more sentences for people.
    `data` has ids and values by name: a `payment_id` in it makes the form link to that payment, and a form
    asks the operator to type its `type`.
    """

    code: str
    message: str
    data: dict[str, str] = field(default_factory=dict)


class ContractError(Exception):
    """An error that a service returns to its caller, where it is raised as the same class.

    `message` is written for people and names the ids involved. `errors` lists the invalid fields, if any, and
    `warnings` what the caller has to confirm (see NeedsConfirmation).
    """

    code: ClassVar[str] = "error"
    known: ClassVar[dict[str, type[ContractError]]] = {}

    def __init__(
        self,
        message: str,
        errors: list[FieldError] | None = None,
        warnings: list[CommandWarning] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors or []
        self.warnings = warnings or []

    def __init_subclass__(cls, code: str) -> None:
        if code in ContractError.known:
            raise TypeError(f"error code {code!r} is used twice")
        cls.code = code
        ContractError.known[code] = cls


class NotFound(ContractError, code="not_found"):
    """Nothing has this id."""


class InvalidInput(ContractError, code="invalid_input"):
    """A value is not acceptable; `errors` names the fields."""

    @classmethod
    def of(cls, field_name: str, message: str) -> InvalidInput:
        """The error for one field. `message` continues the field's name: "must not be empty"."""
        return cls(message, [FieldError(field_name, message)])


class Conflict(ContractError, code="conflict"):
    """The current state of the object does not allow this."""


class Stale(Conflict, code="stale"):
    """The record was edited since the caller read it: the version that the command names isn't the latest."""


class NeedsConfirmation(ContractError, code="needs_confirmation"):
    """The command is possible but probably a mistake, and nothing was done.

    The same command with the codes of all `warnings` in its `confirm` is carried out, also under the same
    idempotency key.
    """


class IdempotencyMismatch(ContractError, code="idempotency_mismatch"):
    """The idempotency key was already used with different content."""


class Unavailable(ContractError, code="unavailable"):
    """The service cannot answer right now (it is down or too slow, or its database is busy). Retry later."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """Base of every command.

    For 72 hours, a command with the same `idempotency_key` gets the first answer again and has no effect.
    `confirm` has the codes of the warnings that the caller has seen and accepts.
    """

    idempotency_key: str | None = None
    actor: str = "system"
    confirm: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Edit(Command):
    """Base of commands that change the given fields of a record that people edit.

    Raises Stale if `version` is given and isn't that of the record's last edit.
    """

    version: int | None = None


@dataclass(frozen=True)
class LastEdit:
    """The latest edit of a record by a person. `version` counts them; a new record has 1, and no editor."""

    version: int = 1
    at: Instant | None = None
    by: str = ""


UNEDITED = LastEdit()


def check_confirmed(command: Command, warnings: list[CommandWarning]) -> None:
    """Raises NeedsConfirmation with all warnings, unless `command` confirms each of them.

    Call it after every other check and before anything is written.
    """
    if {warning.code for warning in warnings} - set(command.confirm):
        raise NeedsConfirmation(" ".join(warning.message for warning in warnings), warnings=warnings)


def changes(command: Command) -> Iterator[tuple[str, Any]]:
    """Name and value of each optional field that the caller filled in; None leaves a field as it is."""
    inherited = {one.name for one in fields(Edit)}
    for one in fields(command):
        value = getattr(command, one.name)
        if one.default is None and one.name not in inherited and value is not None:
            yield one.name, value


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of every event: a fact, delivered at least once, in order only within one subject.

    `consumers` names the services that subscribe. It is part of the contract so that the publisher can
    declare their queues: no event is lost because a consumer has never been started.
    """

    name: ClassVar[str]
    consumers: ClassVar[tuple[str, ...]]
    known: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(cls, name: str | None = None, consumers: tuple[str, ...] = ()) -> None:
        if name is None:  # a shared base of several events
            return
        if name in Event.known:
            raise TypeError(f"event name {name!r} is used twice")
        cls.name, cls.consumers = name, consumers
        Event.known[name] = cls

    @property
    def subject(self) -> str:
        """The id of the object that the event is about."""
        raise NotImplementedError


@dataclass(frozen=True)
class Envelope:
    """An event on the wire. Consumers remember `id` in their inbox to handle each event once."""

    id: str
    type: str
    occurred_at: Instant
    source: str
    subject: str
    correlation_id: str
    data: dict[str, Any]
