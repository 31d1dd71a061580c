"""A form as it was sent: what was typed is kept, what is wrong is said at its field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from contracts.common import Conflict, ContractError, IdempotencyMismatch, InvalidInput
from contracts.money import Money
from flask import request
from servicekit.ids import new_id

from gateway.display.typed import parse_pesos, parse_speed
from gateway.http import held_forms

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")
MAX_LENGTH = 4000


class Form:
    """The readers below note an error and return None when the field is wrong; `ok` tells in the end.

    Messages of services are shown as they are: they may begin with a login, where case matters. `held` tells
    that a page shows what was sent when the session had ended already.
    """

    def __init__(self, initial: dict[str, Any] | None = None) -> None:
        held = held_forms.shown_again()
        self.held = held is not None
        # What is held replaces what the page begins with: a box that was unticked is not among its fields.
        shown = dict(initial or {}) if held is None else held
        self.values = request.form.to_dict() if request.method == "POST" else shown
        self.errors: dict[str, str] = {}
        self.problem = ""
        self.key = self.values.get("idempotency_key") or new_id()

    @property
    def ok(self) -> bool:
        return not self.errors and not self.problem

    @property
    def status(self) -> int:
        """Of the HTTP answer that shows the form."""
        return 200 if self.ok else 422

    def wrong(self, name: str, message: str) -> None:
        self.errors.setdefault(name, message)

    def text(self, name: str, *, required: bool = False, longest: int = 200) -> str:
        """As typed; PPPoE names and passwords keep even a space at their end."""
        value = self.values.get(name, "")
        if required and not value.strip():
            self.wrong(name, "This is needed")
        elif len(value) > longest:
            self.wrong(name, f"This is too long; at most {longest} characters")
        elif any(ord(character) < 32 and character not in "\r\n\t" for character in value):
            self.wrong(name, "This contains a control character")
        return value

    def pesos(self, name: str, *, required: bool = False) -> Money | None:
        return self._parsed(name, parse_pesos, required=required)

    def speed(self, name: str) -> int | None:
        return self._parsed(name, parse_speed, required=True)

    def integer(self, name: str, *, required: bool = True) -> int | None:
        return self._parsed(name, _whole_number, required=required)

    def day(self, name: str) -> date | None:
        return self._parsed(name, _date, required=False)

    def choice(self, name: str, choices: type[Choice]) -> Choice | None:
        return self._parsed(name, choices, required=True, otherwise="Choose one of the list")

    def ticked(self, name: str) -> bool:
        return self.values.get(name) == "on"

    def attempt(self, command: Callable[[], Value]) -> Value | None:
        """Give a command; a refusal is noted at its fields. What is not a refusal is raised on."""
        try:
            return command()
        except IdempotencyMismatch:
            self.problem = "This form was sent before. What it made then is in the list."
            self.key = new_id()
        except (InvalidInput, Conflict) as error:
            self._absorb(error)
        return None

    def _absorb(self, error: ContractError) -> None:
        for wrong in error.errors:
            self.wrong(_form_field(wrong.field), wrong.message)
        if not error.errors:
            self.problem = error.message

    def _parsed(
        self, name: str, parse: Callable[[str], Value], *, required: bool, otherwise: str = ""
    ) -> Value | None:
        text = self.text(name, required=required)
        if not text.strip() or name in self.errors:
            return None
        try:
            return parse(text.strip())
        except ValueError as error:
            self.wrong(name, otherwise or f"This {error}")
            return None


def _form_field(name: str) -> str:
    """Forms write the fields of a service and of its terms flat."""
    plain = name.removeprefix("service.").removeprefix("billing_terms.")
    return plain.replace("discount.", "discount_")


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError("is not a whole number; write digits only")
    return int(text)


def _date(text: str) -> date:
    try:
        value = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date; write it like 2026-11-23") from None
    if not 2000 <= value.year <= 2099:
        raise ValueError("is not a date between 2000 and 2099")
    return value
