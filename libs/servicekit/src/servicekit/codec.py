"""Converts contract types to plain JSON and back: strict when writing, tolerant when reading."""

from __future__ import annotations

from typing import Any

import msgspec


class WireError(ValueError):
    """A value does not have the shape that its contract declares."""


def to_wire(value: Any, shape: Any) -> Any:
    """Plain JSON data for `value`, which is a `shape`.

    The result is read back before it is sent, so that a float, a naive datetime or a wrong type is refused at
    the sender, where the mistake is. Raises WireError.
    """
    try:
        data = msgspec.to_builtins(value)
        msgspec.convert(data, shape)
    except (TypeError, ValueError) as error:
        raise WireError(f"{shape}: {error}") from error
    return data


def from_wire(data: Any, shape: Any) -> Any:
    """The `shape` in plain JSON data. Unknown fields are ignored. Raises WireError."""
    try:
        return msgspec.convert(data, shape)
    except ValueError as error:
        raise WireError(f"{shape}: {error}") from error


def to_json(value: Any, shape: Any) -> str:
    """Like `to_wire`, as JSON text."""
    return msgspec.json.encode(to_wire(value, shape), order="deterministic").decode()


def from_json(text: str, shape: Any) -> Any:
    """The `shape` in JSON text. Unknown fields are ignored. Raises WireError."""
    try:
        return msgspec.json.decode(text, type=shape)
    except ValueError as error:
        raise WireError(f"{shape}: {error}") from error
