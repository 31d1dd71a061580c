"""Forms: the same inputs as in the API, as people write them.

Each field of an input has the same name in its form. The fields of an input inside another one are written
next to its own, as `burst_seconds` for `seconds` of `burst`; if they are all blank, the inner input is null.
The type of a field says how its text becomes a value (`fields.Typed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin

from contracts.common import FieldError, InvalidInput
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from gateway.resources.fields import Input, Typed, field_errors

Made = TypeVar("Made", bound=Input)
NEEDED = "is required"
TICKED = "on"
# The error of a field that was left blank.
_BLANK = {"must not be empty", NEEDED}


class FormField:
    """A field of an input: what its annotation says about writing it in a form."""

    def __init__(self, info: FieldInfo) -> None:
        kinds, metadata = _flattened(info.annotation)
        found = [one for one in (*info.metadata, *metadata) if isinstance(one, Typed)]
        self.typed = found[0] if found else Typed()
        self.required = info.is_required()
        self.nullable = NoneType in kinds
        self.kind = next(kind for kind in kinds if kind is not NoneType)

    @property
    def inner(self) -> type[Input] | None:
        """The model of an input inside the input."""
        return self.kind if isinstance(self.kind, type) and issubclass(self.kind, Input) else None


def fields_of(model: type[Input]) -> Iterator[tuple[str, FormField]]:
    for name, info in model.model_fields.items():
        yield name, FormField(info)


def read_form(
    model: type[Made], texts: Mapping[str, str], *, required: tuple[str, ...] = (), **given: Any
) -> Made:
    """The input that was typed into a form; `given` are fields that are not typed.

    `required` are fields that the form needs although the API does not. A field that the form does not have
    is left out. Raises InvalidInput with every wrong field by its name in the form.
    """
    values, errors = _values(model, texts, set(given), required)
    made = None
    try:
        made = model.model_validate(values | given)
    except ValidationError as error:
        known = {wrong.field for wrong in errors}
        found = [_as_form_calls_it(wrong) for wrong in field_errors(error)]
        errors += [wrong for wrong in found if wrong.field not in known]
    if errors or made is None:
        raise InvalidInput("some fields are not right; see errors", errors)
    return made


def form_of(model: type[Input], view: Any) -> dict[str, str]:
    """The texts that a form begins with for a record, whose attributes are called like the fields."""
    texts: dict[str, str] = {}
    for name, field in fields_of(model):
        if not hasattr(view, name) or field.typed.keeps_if_blank:
            continue
        value = getattr(view, name)
        if field.inner is None:
            texts[name] = _text(field, value)
        elif value is not None:
            inner = form_of(field.inner, value) | field.inner.texts_of(value)
            texts |= {f"{name}_{part}": text for part, text in inner.items()}
    return texts


def typed_texts(model: type[Input], texts: Mapping[str, str]) -> dict[str, str]:
    """The texts of a form. Those of an inner input that was left blank are empty, also its pick lists."""
    typed = dict(texts)
    for name, field in fields_of(model):
        if field.inner is not None:
            inner = _inner_texts(name, texts)
            if field.inner.written(inner) is None:
                typed |= {f"{name}_{part}": "" for part in inner}
    return typed


def _inner_texts(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    prefix = f"{name}_"
    return {key.removeprefix(prefix): text for key, text in texts.items() if key.startswith(prefix)}


def _values(
    model: type[Input], texts: Mapping[str, str], given: set[str], required: tuple[str, ...]
) -> tuple[dict[str, Any], list[FieldError]]:
    """What a JSON body would have for the texts, and what is wrong with them."""
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, field in fields_of(model):
        if name in given:
            continue
        try:
            if field.inner is not None:
                values |= _inner_value(field.inner, name, texts)
            else:
                values |= _value(field, name, texts.get(name), needed=name in required)
        except InvalidInput as error:
            errors += error.errors
    return values, errors


def _value(field: FormField, name: str, text: str | None, *, needed: bool) -> dict[str, Any]:
    """The value by its name; empty for a field that was left out. Raises InvalidInput."""
    if field.kind is bool:
        return {name: text == TICKED}  # browsers leave out boxes that are not ticked
    blank = text is None or not text.strip()
    if (blank and needed) or (text is None and field.required):
        raise InvalidInput.of(name, NEEDED)
    if text is None or (blank and field.typed.keeps_if_blank):
        return {}
    if blank and field.nullable:
        return {name: None}
    if blank and field.kind is not str:
        raise InvalidInput.of(name, NEEDED)
    try:
        return {name: field.typed.read(text if field.kind is str else text.strip())}
    except ValueError as error:
        raise InvalidInput.of(name, str(error)) from None


def _inner_value(model: type[Input], name: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """The same for an input inside the input."""
    prefix = f"{name}_"
    inner = _inner_texts(name, texts)
    if not inner:
        return {}
    written = model.written(inner)
    if written is None:
        return {name: None}
    values, errors = _values(model, written, set(), ())
    if errors:
        wrong = [FieldError(prefix + error.field, error.message) for error in errors]
        raise InvalidInput("some fields are not right; see errors", wrong)
    return {name: values}


def _text(field: FormField, value: Any) -> str:
    if field.kind is bool:
        return TICKED if value else ""
    return "" if value is None else field.typed.write(value)


def _as_form_calls_it(wrong: FieldError) -> FieldError:
    message = NEEDED if wrong.message in _BLANK else wrong.message
    return FieldError(wrong.field.replace(".", "_"), message)


def _flattened(annotation: Any) -> tuple[list[Any], list[Any]]:
    """The types in an annotation, and the metadata of those that are Annotated."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        kinds, more = _flattened(inner)
        return kinds, [*metadata, *more]
    arguments = [] if isinstance(annotation, type) else get_args(annotation)
    if not arguments:
        return [annotation], []
    kinds, metadata = [], []
    for argument in arguments:
        found, more = _flattened(argument)
        kinds += found
        metadata += more
    return kinds, metadata
