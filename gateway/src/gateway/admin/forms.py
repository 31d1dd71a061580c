"""A submitted form: it shows again what was typed, with each error at its field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from contracts.common import (
    CommandWarning,
    Conflict,
    ContractError,
    IdempotencyMismatch,
    InvalidInput,
    NeedsConfirmation,
    Stale,
)
from flask import request
from servicekit.ids import new_id

from gateway.clients.context import current
from gateway.http import held_forms
from gateway.http.idempotency import fingerprint
from gateway.resources.edits import BLANK, EditInput, by_whom, shown
from gateway.resources.fields import Input
from gateway.resources.forms import TICKED, fields_of, read_form, typed_texts
from gateway.resources.services import own_field_name

Made = TypeVar("Made", bound=Input)
Edited = TypeVar("Edited", bound=EditInput)
Value = TypeVar("Value")

# Hidden fields of a form that asks for confirmation: the codes of its warnings, and a digest of its values.
CONFIRM, CONFIRM_FOR = "confirm", "confirm_for"
# What the operator has to type to confirm (the `type` of a warning), and what was typed.
TO_TYPE, TYPED = "confirm_to_type", "confirm_typed"
NOT_TYPED = {CONFIRM, CONFIRM_FOR, TO_TYPE, TYPED, "csrf_token", "idempotency_key"}
# A hidden field of a form that edits a record: the values that it was loaded with.
LOADED = "loaded"
# The words for a checkbox in a sentence.
ON_OFF = {TICKED: "On", "": "Off"}


class Form:
    """Its methods collect errors instead of raising them; `ok` is True if there are none.

    Services' messages are shown unchanged, since they may begin with a case-sensitive login. `held` is True
    if the page shows a form that was held (see http.held_forms).

    A command that needs confirmation leaves its `warnings`. The macro `problem` shows them, with the hidden
    fields by which the next submission confirms them unless a value is changed in between. An input that is
    Confirmable reads them.
    """

    def __init__(self, initial: dict[str, Any] | None = None) -> None:
        held = held_forms.shown_again()
        self.held = held is not None
        # A held form replaces the initial values completely, because it has no field for an unticked box.
        shown = dict(initial or {}) if held is None else held
        self.values = request.form.to_dict() if request.method == "POST" else shown
        self.errors: dict[str, str] = {}
        self.problem = ""
        self.warnings: list[CommandWarning] = []
        self.stale = False
        if self.values.get(CONFIRM_FOR) != self._digest() or not self._typed_to_confirm():
            self.values.pop(CONFIRM, None)
        self.key = self.values.get("idempotency_key") or new_id()

    @property
    def ok(self) -> bool:
        return not self.errors and not self.problem and not self.warnings

    @property
    def status(self) -> int:
        """The HTTP status of the response that shows the form."""
        if self.ok:
            return 200
        return 409 if self.stale else 422

    def wrong(self, name: str, message: str) -> None:
        self.errors.setdefault(name, message)

    def text(self, name: str, *, required: bool = False, longest: int = 200) -> str:
        """The text as typed. Spaces are kept, because they count in PPPoE usernames and passwords."""
        value = self.values.get(name, "")
        if required and not value.strip():
            self.wrong(name, "This is required")
        elif len(value) > longest:
            self.wrong(name, f"This must be at most {longest} characters long")
        elif any(ord(character) < 32 and character not in "\r\n\t" for character in value):
            self.wrong(name, "This contains an invisible control character; remove it")
        return value

    def read(self, model: type[Made], *, required: tuple[str, ...] = (), **given: Any) -> Made | None:
        """The input that was typed; None if the form was not sent or a field is wrong.

        `given` are fields that are not typed. `required` are fields that the form needs although the API does
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
        """Read the form and run a command with its input. None unless it was sent and carried out."""
        made = self.read(model, required=required, **given)
        return self.attempt(lambda: command(made)) if made is not None else None

    def edit(
        self,
        model: type[Edited],
        command: Callable[[Edited], Value],
        load: Callable[[], Any],
        texts: Callable[[Any], dict[str, str]],
        *,
        choices: Mapping[str, Iterable[tuple[Any, str]]] | None = None,
        **more: Any,
    ) -> Value | None:
        """Like submit, for a record that others may have edited since the form was loaded.

        Such an edit is refused. The form then shows both values of each field that differs: `load` returns
        the record as it is now, `texts` its fields, and `choices` has the words of fields that are picked
        from a list. `editing` gives the form its initial values.
        """
        try:
            return self.submit(model, command, **more)
        except Stale:
            words = {name: ON_OFF for name, field in fields_of(model) if field.kind is bool}
            words |= {name: dict(pairs) for name, pairs in (choices or {}).items()}
            self._show_both(load(), texts, typed_texts(model, self.values), words)
        return None

    def _show_both(
        self,
        record: Any,
        texts: Callable[[Any], dict[str, str]],
        entered: Mapping[str, str],
        choices: Mapping[str, dict[Any, str]],
    ) -> None:
        """Keep what was typed; a field that was left alone gets the saved value."""
        saved_by, loaded = by_whom(record.edit), _loaded(self.values.get(LOADED, ""))
        now = texts(record)
        for name in loaded | now:  # a discount that was removed or added is in one of them only
            typed, before, saved = (_line_ends(each.get(name, "")) for each in (entered, loaded, now))
            if typed == saved or saved == before:
                continue  # the same, or only this operator changed it
            words = choices.get(name)
            newer = shown(saved, words)
            newer = BLANK.capitalize() if newer == BLANK else newer
            if typed == before:
                self.values[name] = saved
                self.wrong(name, f"Was {shown(typed, words)}. {newer} {saved_by}.")
            else:
                self.wrong(name, f"You entered {shown(typed, words)}. {newer} {saved_by}.")
        self.stale = True
        self.problem = (
            f"A newer version {saved_by} while you had this open. Nothing was changed. "
            "Check the form, then save again"
        )
        self.values |= _versioned(record, now)

    def ticked(self, name: str) -> bool:
        return self.values.get(name) == "on"

    def attempt(self, command: Callable[[], Value]) -> Value | None:
        """Run a command if the form was sent and has no errors, otherwise return None.

        If the command is refused, the errors are shown at their fields and None is returned. Other errors are
        raised.
        """
        if request.method != "POST" or not self.ok:
            return None
        try:
            return command()
        except Stale:
            raise  # see edit
        except IdempotencyMismatch:
            self.problem = (
                "You already submitted this form with other values. Check the result, then try again."
            )
            self.key = new_id()
        except NeedsConfirmation as error:
            self.warnings = error.warnings
            self.values[CONFIRM] = " ".join(warning.code for warning in error.warnings)
            self.values[CONFIRM_FOR] = self._digest()
        except (InvalidInput, Conflict) as error:
            self._absorb(error)
        return None

    def _typed_to_confirm(self) -> bool:
        """Whether the operator typed what the warnings asked for, if they did."""
        asked, typed = self.values.get(TO_TYPE, ""), self.values.pop(TYPED, "")
        return " ".join(typed.split()).casefold() == asked.casefold()

    def _digest(self) -> str:
        values = self.values.items()
        typed = sorted((name, text) for name, text in values if text and name not in NOT_TYPED)
        return fingerprint(current(), *(part.encode() for pair in typed for part in pair))

    def _absorb(self, error: ContractError) -> None:
        for wrong in error.errors:
            self.wrong(_form_field(wrong.field), wrong.message)
        if not error.errors:
            self.problem = error.message


def editing(record: Any, texts: Callable[[Any], dict[str, str]]) -> dict[str, str]:
    """The initial values of a form that edits a record, with the version that it shows."""
    shown_now = texts(record)
    return shown_now | _versioned(record, shown_now)


def _versioned(record: Any, texts: dict[str, str]) -> dict[str, str]:
    return {"version": str(record.edit.version), LOADED: json.dumps(texts)}


def _loaded(text: str) -> dict[str, str]:
    """The values that the form was loaded with; empty if they are unreadable."""
    try:
        loaded = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(loaded, dict):
        return {}
    return {name: text for name, text in loaded.items() if isinstance(text, str)}


def _line_ends(text: str) -> str:
    """The text as browsers show it: they send each line of a text area with a carriage return."""
    return text.replace("\r\n", "\n")


def _form_field(name: str) -> str:
    """The form's name of a field in a service's error."""
    return own_field_name(name).replace(".", "_")
