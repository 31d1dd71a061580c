"""Edits of records that others may edit at the same time: both values, if a stale one was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from contracts.common import FieldError, LastEdit, Stale
from pydantic import Field

from gateway.display.times import minute
from gateway.resources.fields import Input, Number, optional
from gateway.resources.forms import TICKED, fields_of, form_of

Saved = TypeVar("Saved")
BLANK = "a blank value"
# What a checkbox is in JSON.
JSON_WORDS = {TICKED: "true", "": "false"}
EditVersion = Annotated[
    Number,
    Field(
        ge=0,
        description="The version that the edit is based on. If a newer one was saved, it is refused.",
    ),
]


class EditInput(Input):
    """The input to edit a record. With `version`, an edit based on an older version is refused."""

    version: EditVersion = optional()


def save(
    change: EditInput,
    command: Callable[[], Saved],
    load: Callable[[], Any],
    texts: Callable[[Any], dict[str, str]],
) -> Saved:
    """Run the command. If it is stale, raises Stale with both values of each field that differs.

    `load` returns the record as it is now, and `texts` the texts of its fields.
    """
    try:
        return command()
    except Stale as error:
        record = load()
        saved_by = by_whom(record.edit)
        wrong = [
            FieldError(name, f"you sent {sent}; {saved} {saved_by}")
            for name, sent, saved in _different(change, texts(record))
        ]
        message = f"this {saved_by} after version {change.version}; now it has version {record.edit.version}"
        raise Stale(f"{message}, and nothing was changed", wrong) from error


def texts_of(model: type[Input], *views: Any) -> dict[str, str]:
    """What a form for `model` shows of a record, whose fields may be spread over several views."""
    texts: dict[str, str] = {}
    for view in views:
        texts |= form_of(model, view)
    texts.pop("version", None)  # views have another one, which counts all changes
    return texts


def by_whom(edit: LastEdit) -> str:
    """was saved by ana@example.com on 23 Nov 2026, 10:02"""
    by = f" by {edit.by}" if edit.by else ""
    return f"was saved{by}" + (f" on {minute(edit.at)}" if edit.at else "")


def shown(text: str, choices: Mapping[str, str] | None = None) -> str:
    """A field's text in a sentence; `choices` has the words for values that are picked from a list."""
    return (choices or {}).get(text, text) or BLANK


def _different(change: EditInput, saved: dict[str, str]) -> list[tuple[str, str, str]]:
    """The fields that were sent with another value than the saved one: name, sent and saved in words."""
    sent = form_of(type(change), change)
    found = []
    for name, field in fields_of(type(change)):
        if name not in change.model_fields_set or (field.inner is None and name not in saved):
            continue  # not sent, or no field of the record
        keys = {name: name}
        if field.inner is not None:
            keys = {f"{name}_{part}": f"{name}.{part}" for part, _ in fields_of(field.inner)}
        words = JSON_WORDS if field.kind is bool else None
        found += [
            (public, shown(sent.get(key, ""), words), shown(saved.get(key, ""), words))
            for key, public in keys.items()
            if not field.typed.keeps_if_blank and sent.get(key, "") != saved.get(key, "")
        ]
    return found
