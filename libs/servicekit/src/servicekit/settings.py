"""Settings from the environment: read once at the start, checked, with every mistake named at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from servicekit.secrets import FieldCipher

Value = TypeVar("Value")

SERVICES = ("subscriber", "billing", "payment", "radius", "router", "gateway")
EMBEDDED_BUS = "membus://"
# Keys, and addresses that carry a password: their values end in no log and on no screen.
SECRET_NAMES = ("_KEY", "DATABASE_URL", "AMQP_URL")
# Other drivers would stop the event loop while they wait (docs/adr/0002).
DATABASES = ("sqlite", "postgresql", "postgresql+psycopg2")


class SettingsError(Exception):
    """One or more environment variables cannot be used; each line says which and what to do."""


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    time_zone: ZoneInfo
    movable_clock: bool
    http_host: str
    http_port: int
    radius_host: str
    radius_auth_port: int
    radius_acct_port: int
    health_port: int | None
    amqp_url: str
    database_urls: Mapping[str, str]
    secret_key: str
    encryption_key: str
    owner_email: str | None
    owner_password: str | None
    public_url: str
    trusted_proxies: int = 0
    radius_session_days: int = 400
    radius_reject_days: int = 90
    freeradius_in_front: bool = False

    @property
    def embedded(self) -> bool:
        return self.amqp_url == EMBEDDED_BUS

    @property
    def cipher(self) -> FieldCipher:
        return FieldCipher(self.encryption_key)


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError naming every variable that is wrong."""
    return _Reader(environ).settings()


class _Reader:
    """Collects mistakes instead of stopping at the first one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._mistakes: list[str] = []

    def settings(self) -> Settings:
        data_dir = Path(self._environ.get("ISPOS_DATA_DIR") or "data").absolute()
        http_host = self._environ.get("ISPOS_HTTP_HOST") or "127.0.0.1"
        http_port = self._read("ISPOS_HTTP_PORT", 8080, _port)
        settings = Settings(
            data_dir=data_dir,
            time_zone=self._read("ISPOS_TIME_ZONE", ZoneInfo("Asia/Manila"), _zone),
            movable_clock=self._read("ISPOS_CLOCK", False, _movable),
            http_host=http_host,
            http_port=http_port,
            radius_host=self._environ.get("ISPOS_RADIUS_HOST") or "0.0.0.0",
            radius_auth_port=self._read("ISPOS_RADIUS_AUTH_PORT", 1812, _port),
            radius_acct_port=self._read("ISPOS_RADIUS_ACCT_PORT", 1813, _port),
            health_port=self._read("ISPOS_HEALTH_PORT", None, _port),
            amqp_url=self._read("AMQP_URL", EMBEDDED_BUS, _amqp_url),
            database_urls={name: self._database_url(name, data_dir) for name in SERVICES},
            secret_key=self._read("ISPOS_SECRET_KEY", "", _secret_key),
            encryption_key=self._read("ISPOS_ENCRYPTION_KEY", "", _encryption_key),
            owner_email=self._read("ISPOS_OWNER_EMAIL", None, _email),
            owner_password=self._environ.get("ISPOS_OWNER_PASSWORD") or None,
            public_url=self._read("ISPOS_PUBLIC_URL", f"http://{http_host}:{http_port}", _http_url),
            trusted_proxies=self._read("ISPOS_TRUSTED_PROXIES", 0, _few),
            radius_session_days=self._read("ISPOS_RADIUS_SESSION_DAYS", 400, _days),
            radius_reject_days=self._read("ISPOS_RADIUS_REJECT_DAYS", 90, _days),
            freeradius_in_front=self._read("ISPOS_RADIUS_SERVER", False, _freeradius),
        )
        if bool(settings.owner_email) != bool(settings.owner_password):
            self._mistakes.append("ISPOS_OWNER_EMAIL and ISPOS_OWNER_PASSWORD: give both or neither")
        for name in ("ISPOS_SECRET_KEY", "ISPOS_ENCRYPTION_KEY"):
            if not self._environ.get(name):
                self._mistakes.append(
                    f"{name}: is not set; `make run` makes one and keeps it in the data folder"
                )
        if self._mistakes:
            raise SettingsError("\n".join(self._mistakes))
        return settings

    def _read(self, name: str, default: Value, parse: Callable[[str], Value]) -> Value:
        text = self._environ.get(name)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            shown = "the value given" if any(part in name for part in SECRET_NAMES) else repr(text)
            self._mistakes.append(f"{name}: {shown} {error}")
            return default

    def _database_url(self, service: str, data_dir: Path) -> str:
        name = f"{service.upper()}_DATABASE_URL"
        return self._read(name, f"sqlite:///{data_dir / service}.db", _database_url)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError("is not a port; use a number from 1 to 65535")
    return int(text)


def _few(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 10:
        raise ValueError("is not a number of proxies; use 0 (the default) to 10")
    return int(text)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 36_500:
        raise ValueError("is not a number of days; use 1 to 36500, or 0 to keep everything")
    return int(text)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, OSError, ValueError):
        raise ValueError("is not a time zone; use a name such as Asia/Manila") from None


def _movable(text: str) -> bool:
    if text not in ("system", "movable"):
        raise ValueError("is not a clock; use system (the default) or movable (demo and tests)")
    return text == "movable"


def _freeradius(text: str) -> bool:
    if text not in ("builtin", "freeradius"):
        raise ValueError("is not a RADIUS server; use builtin (the default) or freeradius")
    return text == "freeradius"


def _amqp_url(text: str) -> str:
    if text != EMBEDDED_BUS and not _is_address(text, ("amqp", "amqps", "pyamqp")):
        raise ValueError("is not a broker address; use amqp://user:password@host:5672/vhost")
    return text


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in DATABASES or not url.database:
        raise ValueError(
            "is not a database address; use postgresql://user:password@host/name or sqlite:////path/name.db"
        )
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError("is not an e-mail address; use name@example.com")
    return text


def _http_url(text: str) -> str:
    if not _is_address(text, ("http", "https")):
        raise ValueError("is not a web address; use https://host")
    return text.rstrip("/")


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        port_is_usable = parts.port != 0  # reading it raises for one that is no number
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and port_is_usable


def _secret_key(text: str) -> str:
    if len(text) < 32:
        raise ValueError("is too short; use at least 32 random characters")
    return text


def _encryption_key(text: str) -> str:
    try:
        FieldCipher(text)
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}; use 32 random octets in URL-safe base64") from None
    return text
