"""Settings declared once: variable, type, default and meaning next to the field they fill.

A settings class is a frozen dataclass whose fields are `setting(...)`. `read_settings` fills it from the
environment and names every mistake at once, each with what to write instead. The tables of settings in the
docs are generated from the same declarations (tools/docs_tables.py).
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from servicekit.secrets import FieldCipher

EMBEDDED_BUS = "membus://"
# Other drivers would stop the event loop while they wait (docs/adr/0002).
DATABASE_DRIVERS = ("sqlite", "postgresql", "postgresql+psycopg2")
MIN_SECRET_KEY_LENGTH = 32
DECLARATION = "setting"

Kind = TypeVar("Kind")
Value = TypeVar("Value")
Parser = Callable[[str], Any]


class SettingsError(Exception):
    """One or more environment variables cannot be used; each line says which, and what to do."""


@dataclass(frozen=True)
class Setting:
    """The declaration of one setting.

    `{SERVICE}` in `variable` stands for the name of the service that reads it. `default` is called with the
    settings read before this one (those declared above it, and in base classes).
    """

    variable: str
    parse: Parser
    default: Callable[[SimpleNamespace], Any]
    default_shown: str
    meaning: str
    is_secret: bool
    missing: str | None

    def variable_of(self, service: str) -> str:
        return self.variable.format(SERVICE=service.upper())


def setting(
    variable: str,
    parse: Parser,
    *,
    meaning: str,
    default: Any = None,
    default_from: Callable[[SimpleNamespace], Any] | None = None,
    default_shown: str | None = None,
    secret: bool = False,
    missing: str | None = None,
) -> Any:
    """A field of a settings class, read from the environment variable `variable`.

    `parse` turns the text into the value; its ValueError says what is wrong and what to write ("is not a
    port; use a number from 1 to 65535"). `default_from` computes the default from settings declared before.
    `default_shown` is the default as the docs show it. The value of a `secret` is never shown. `missing`
    makes the setting required and says what to do if it is not set.
    """
    shown = default_shown or ("none" if default is None else f"`{default}`")
    declaration = Setting(
        variable, parse, default_from or (lambda _earlier: default), shown, meaning, secret, missing
    )
    return dataclasses.field(metadata={DECLARATION: declaration}, repr=not secret)


def declared_in(kind: type) -> dict[str, Setting]:
    """The settings of a settings class, by field, in the order they are read."""
    return {
        field.name: field.metadata[DECLARATION]
        for field in dataclasses.fields(kind)
        if DECLARATION in field.metadata
    }


def read_settings(kind: type[Kind], environ: Mapping[str, str] = os.environ, *, service: str = "") -> Kind:
    """The settings of a process. Raises SettingsError, which names every variable that is wrong."""
    reader = Reader(environ)
    settings = reader.read(kind, service=service)
    reader.check()
    return settings


class Reader:
    """Reads the settings of one or more processes and collects the mistakes of all of them."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._mistakes: list[str] = []

    def read(self, kind: type[Kind], *, service: str = "") -> Kind:
        """The settings, with defaults in place of what is wrong: call `check` before using them."""
        earlier = SimpleNamespace(service=service)
        declared = declared_in(kind)
        for field, declaration in declared.items():
            setattr(earlier, field, self._value(declaration, earlier))
        settings = kind(**{name: value for name, value in vars(earlier).items() if name in _fields(kind)})
        self._mistakes += getattr(settings, "mistakes", tuple)()
        return settings

    def check(self, *others: Reader) -> None:
        """Raises SettingsError if anything that was read, here or by `others`, is wrong."""
        mistakes = [mistake for reader in (self, *others) for mistake in reader._mistakes]
        if mistakes:
            raise SettingsError("\n".join(dict.fromkeys(mistakes)))

    def _value(self, declaration: Setting, earlier: SimpleNamespace) -> Any:
        variable = declaration.variable_of(earlier.service)
        text = self._environ.get(variable)
        if not text:
            if declaration.missing:
                self._mistakes.append(f"{variable}: is not set; {declaration.missing}")
            return declaration.default(earlier)
        try:
            return declaration.parse(text)
        except ValueError as error:
            shown = "the value given" if declaration.is_secret else repr(text)
            self._mistakes.append(f"{variable}: {shown} {error}")
            return declaration.default(earlier)


def _fields(kind: Any) -> Iterable[str]:
    return {field.name for field in dataclasses.fields(kind)}


# What a text can be. Each takes the text of the variable and raises ValueError.


def text(given: str) -> str:
    """Any text."""
    return given


def folder(given: str) -> Path:
    """A folder, made absolute."""
    return Path(given).absolute()


def number(what: str, low: int, high: int, advice: str | None = None) -> Parser:
    """A whole number; `what` names it in the message, as in "a number of days"."""

    def parse(given: str) -> int:
        if not given.isascii() or not given.isdigit() or not low <= int(given) <= high:
            raise ValueError(f"is not {what}; {advice or f'use {low} to {high}'}")
        return int(given)

    return parse


def choice(what: str, values: Mapping[str, Value], advice: str) -> Callable[[str], Value]:
    """One of a few words, each standing for a value; `what` names it in the message, as in "a clock"."""

    def parse(given: str) -> Value:
        if given not in values:
            raise ValueError(f"is not {what}; {advice}")
        return values[given]

    return parse


port = number("a port", 1, 65535, "use a number from 1 to 65535")
port_or_any = number("a port", 0, 65535, "use a number from 1 to 65535, or 0 for any free port")
days = number("a number of days", 0, 36_500, "use 1 to 36500, or 0 to keep everything")


def time_zone(given: str) -> ZoneInfo:
    """A time zone of the tz database."""
    try:
        return ZoneInfo(given)
    except (KeyError, OSError, ValueError):
        raise ValueError("is not a time zone; use a name such as Asia/Manila") from None


def bus_url(given: str) -> str:
    """The address of a RabbitMQ broker, or the embedded bus."""
    if given != EMBEDDED_BUS and not _is_address(given, ("amqp", "amqps", "pyamqp")):
        raise ValueError("is not a broker address; use amqp://user:password@host:5672/vhost")
    return given


def database_url(given: str) -> str:
    """The address of a PostgreSQL or SQLite database."""
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in DATABASE_DRIVERS or not url.database:
        raise ValueError(
            "is not a database address; use postgresql://user:password@host/name or sqlite:////path/name.db"
        )
    return given


def email(given: str) -> str:
    """An e-mail address."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", given):
        raise ValueError("is not an e-mail address; use name@example.com")
    return given


def http_url(given: str) -> str:
    """A web address, without a slash at the end."""
    if not _is_address(given, ("http", "https")):
        raise ValueError("is not a web address; use https://host")
    return given.rstrip("/")


def secret_key(given: str) -> str:
    """A key for signatures."""
    if len(given) < MIN_SECRET_KEY_LENGTH:
        raise ValueError(f"is too short; use at least {MIN_SECRET_KEY_LENGTH} random characters")
    return given


def encryption_key(given: str) -> str:
    """A key for FieldCipher."""
    try:
        FieldCipher(given)
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}; use 32 random bytes in URL-safe base64") from None
    return given


def _is_address(given: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(given)
        port_is_usable = parts.port != 0  # reading it raises ValueError if it is not a number
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and port_is_usable
