"""Reads what people type: amounts, speeds, percentages. Each ValueError says what is expected."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from contracts.money import DEFAULT_CURRENCY, Money
from contracts.subscriber import MAX_KBPS

MAX_ID_LENGTH = 100

_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,11})(?:\.(\d{1,2}))?")
_SPEED = re.compile(r"(\d{1,8}(?:\.\d{1,3})?)\s*([kmg]?)(?:bps|bit/s|b/s|bit)?")
_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?")
_KBPS = {"k": 1, "m": 1_000, "g": 1_000_000}


def is_id(text: str) -> bool:
    """Whether the text could be the id of a record."""
    return len(text) <= MAX_ID_LENGTH and text.isascii() and text.isprintable()


def parse_pesos(text: str) -> Money:
    """1500, 1,500.00 or ₱1,500.00 as pesos. Raises ValueError."""
    found = _AMOUNT.fullmatch(text.strip().removeprefix("₱").removeprefix("PHP").strip())
    if found is None or (not text.isascii() and "₱" not in text):
        raise ValueError("must be an amount, such as 1500 or 1,500.00")
    whole, decimals = found.group(1).replace(",", ""), (found.group(2) or "").ljust(2, "0")
    return Money(int(whole) * 100 + int(decimals), DEFAULT_CURRENCY)


def parse_speed(text: str) -> int:
    """50, 50Mbps, 512k or 1G as kbit/s; a bare number is Mbps. Raises ValueError."""
    found = _SPEED.fullmatch(text.strip().lower()) if text.isascii() else None
    if found is not None:
        kbps = Decimal(found.group(1)) * _KBPS[found.group(2) or "m"]
        if kbps == int(kbps) and 1 <= kbps <= MAX_KBPS:
            return int(kbps)
    raise ValueError("must be a speed, such as 50Mbps, 512k or 1G")


def parse_whole_number(text: str) -> int:
    """Digits as a number, at most nine of them. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError("must be a whole number")
    return int(text)


def parse_date(text: str) -> date:
    """2026-11-23 as a date. Raises ValueError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date, such as 2026-11-23") from None


def parse_local_time(text: str, zone: ZoneInfo) -> datetime:
    """2026-11-23T14:30, as a browser's date and time field sends it, in `zone`. Raises ValueError."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        typed = None
    if typed is None or typed.tzinfo is not None:
        raise ValueError("must be a date and time, such as 2026-11-23T14:30")
    return typed.replace(tzinfo=zone)


def local_time_as_typed(instant: datetime, zone: ZoneInfo) -> str:
    """2026-11-23T14:30, which `parse_local_time` reads back. Seconds are left out."""
    return f"{instant.astimezone(zone):%Y-%m-%dT%H:%M}"


def percent_hundredths(value: int | str) -> int:
    """10 or "12.5" as hundredths of a percent. Raises ValueError."""
    found = _PERCENT.fullmatch(str(value)) if not isinstance(value, bool) else None
    if found is None or not isinstance(value, (int, str)):
        raise ValueError('must be a percentage with at most two decimals, such as 10 or "12.5"')
    whole, decimals = found.group(1), (found.group(2) or "").ljust(2, "0")
    return int(whole) * 100 + int(decimals)


def percent_value(hundredths: int) -> int | str:
    """The inverse of `percent_hundredths`: 1000 is 10, 1250 is "12.5"."""
    whole, rest = divmod(hundredths, 100)
    return whole if rest == 0 else f"{whole}.{rest:02d}".rstrip("0")


def pesos_as_typed(amount: Money) -> str:
    """1500.00, which `parse_pesos` reads back."""
    whole, cents = divmod(amount.minor, 100)
    return f"{whole}.{cents:02d}"


def speed_as_typed(kbps: int) -> str:
    """50Mbps or 512k, which `parse_speed` reads back."""
    whole, rest = divmod(kbps, 1000)
    return f"{kbps}k" if rest else f"{whole}Mbps"
