"""A form as it was sent: it shows again what was typed, with each error at its field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from contracts.common import Conflict, ContractError, IdempotencyMismatch, InvalidInput
from flask import request
from servicekit.ids import new_id

from gateway.http import held_forms
from gateway.resources.fields import Input
from gateway.resources.forms import read_form
from gateway.resources.services import own_field_name

Made = TypeVar("Made", bound=Input)
Value = TypeVar("Value")


class Form:
    """Its methods note errors instead of raising them; `ok` says whether there were any.

    Messages of services are shown as they are: they may begin with a login, where case matters. `held` is
    true if the page shows what was sent after the session had ended.
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

    def read(self, model: type[Made], *, required: tuple[str, ...] = (), **given: Any) -> Made | None:
        """The input that was typed; None if the form was not sent or a field is wrong.

        `given` are fields that are not typed. `required` are those that this form needs although the API does
        not.
        """
        if request.method != "POST":
            return None
        try:
            return read_form(model, self.values, required=required, **given)
        except InvalidInput as error:
            for wrong in error.errors:
                self.wrong(wrong.field, f"This {wrong.message}")
        return None

    def submit(
        self,
        model: type[Made],
        command: Callable[[Made], Value],
        *,
        required: tuple[str, ...] = (),
        **given: Any,
    ) -> Value | None:
        """Read the form and give a command with what was typed. None unless it was sent and carried out."""
        made = self.read(model, required=required, **given)
        return self.attempt(lambda: command(made)) if made is not None else None

    def ticked(self, name: str) -> bool:
        return self.values.get(name) == "on"

    def attempt(self, command: Callable[[], Value]) -> Value | None:
        """Give a command. A refusal is noted at its fields, and None returned; other errors are raised.

        Nothing happens, and None is returned, unless the form was sent and has no errors.
        """
        if request.method != "POST" or not self.ok:
            return None
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


def _form_field(name: str) -> str:
    """The field of the form that a service complains about."""
    return own_field_name(name).replace(".", "_")
