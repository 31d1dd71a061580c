"""Shapes that every service's contract uses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from msgspec import Meta

# An instant always carries its zone; a naive datetime is refused by the codec on both sides.
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
    """Some items of a list, and the cursor that continues it (None at the end)."""

    items: list[Item]
    next: str | None = None


@dataclass(frozen=True)
class BillingPeriod:
    """The days from `start` up to, not including, `end`."""

    start: date
    end: date


@dataclass(frozen=True)
class FieldError:
    """One wrong field of an input: its name as the caller wrote it, and what to do about it."""

    field: str
    message: str


class ContractError(Exception):
    """An answer of a service that is not a result. Arrives at the caller as its own class.

    Args are the human message, which names the ids one needs, and the wrong fields, if any.
    """

    code: ClassVar[str] = "error"
    known: ClassVar[dict[str, type[ContractError]]] = {}

    def __init__(self, message: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors or []

    def __init_subclass__(cls, code: str) -> None:
        if code in ContractError.known:
            raise TypeError(f"error code {code!r} is used twice")
        cls.code = code
        ContractError.known[code] = cls


class NotFound(ContractError, code="not_found"):
    """The id names nothing."""


class InvalidInput(ContractError, code="invalid_input"):
    """A value cannot be accepted; `errors` names the fields."""

    @classmethod
    def of(cls, field_name: str, message: str) -> InvalidInput:
        return cls(message, [FieldError(field_name, message)])


class Conflict(ContractError, code="conflict"):
    """The state of the thing does not allow this now."""


class IdempotencyMismatch(ContractError, code="idempotency_mismatch"):
    """The idempotency key was used before with other content."""


class Unavailable(ContractError, code="unavailable"):
    """The service cannot answer now (down, too slow, its database busy); trying again later is right."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """Base of every command. The same `idempotency_key` gives the first answer again for 72 hours."""

    idempotency_key: str | None = None
    actor: str = "system"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of every event: a fact, told at least once, in order only per subject.

    `consumers` names the services that listen. It is part of the contract so that the publisher can
    declare their queues and no event is lost because a listener has never been started.
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
        """The id of the thing the event is about."""
        raise NotImplementedError


@dataclass(frozen=True)
class Envelope:
    """How an event travels. `id` is what an inbox remembers."""

    id: str
    type: str
    occurred_at: Instant
    source: str
    subject: str
    correlation_id: str
    data: dict[str, Any]
