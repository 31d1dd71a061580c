"""Which values are accepted. Each check returns the cleaned value, or raises InvalidInput for its field."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from datetime import date, timedelta
from functools import partial

from contracts.common import InvalidInput
from contracts.money import MAX_MINOR, Money
from contracts.plans import MAX_KBPS, Burst
from contracts.pricing import BillingTerms, DiscountKind
from contracts.subscriber import MAX_SESSIONS

MAX_USERNAME_OCTETS = 64
MAX_PASSWORD_OCTETS = 128  # a User-Password has at most 128 octets (RFC 2865 section 5.2)
MAX_BILLING_DISTANCE = timedelta(days=366)
PERCENT_SCALE = 10_000  # hundredths of a percent
LARGEST_AMOUNT = f"{MAX_MINOR // 100:,}.00"

# Half a surrogate pair (JSON can escape one) is not a character: it can be neither stored nor sent.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_LAYOUT = str.maketrans("", "", "\n\r\t")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"[+(]?[0-9][0-9 ().-]{5,19}")


def text(field: str, value: str, *, required: bool = False, longest: int = 200, lines: bool = False) -> str:
    """Text without surrounding spaces or control characters, at most `longest` characters.

    `lines` allows line breaks and tabs.
    """
    value = value.strip()
    if required and not value:
        raise InvalidInput.of(field, "must not be empty")
    if len(value) > longest:
        raise InvalidInput.of(field, f"is {len(value)} characters long; use at most {longest}")
    if _CONTROL.search(value.translate(_LINE_LAYOUT) if lines else value):
        raise InvalidInput.of(field, "contains control characters; remove them")
    return value


def email(value: str) -> str:
    """An e-mail address, or nothing."""
    value = text("email", value, longest=254)
    if value and not _EMAIL.fullmatch(value):
        raise InvalidInput.of(
            "email", f"{value!r} is not an email address; use one like name@example.com, or leave it empty"
        )
    return value


def phone(value: str) -> str:
    """A phone number of 6 to 20 digits and separators, or nothing."""
    value = text("phone", value, longest=30)
    if value and not _PHONE.fullmatch(value):
        raise InvalidInput.of("phone", f"{value!r} is not a phone number; use digits, like 09171234567")
    return value


def area(value: str) -> str:
    """The name of an area, such as a barangay, with single spaces between its words; or nothing."""
    return " ".join(text("area", value, longest=60).split())


def pppoe_username(value: str) -> str:
    """A PPPoE username, unchanged: case and inner spaces matter to the router."""
    if not value:
        raise InvalidInput.of("pppoe_username", "must not be empty")
    if value != value.strip():
        raise InvalidInput.of("pppoe_username", "begins or ends with a space; remove it")
    if _CONTROL.search(value):
        raise InvalidInput.of("pppoe_username", "contains control characters; remove them")
    if len(value.encode()) > MAX_USERNAME_OCTETS:
        raise InvalidInput.of("pppoe_username", f"is too long; use at most {MAX_USERNAME_OCTETS} bytes")
    return value


def pppoe_password(value: str) -> str:
    """A PPPoE password, unchanged."""
    if not value:
        raise InvalidInput.of("pppoe_password", "must not be empty")
    if _CONTROL.search(value):
        raise InvalidInput.of("pppoe_password", "contains control characters; remove them")
    if len(value.encode()) > MAX_PASSWORD_OCTETS:
        raise InvalidInput.of("pppoe_password", f"is too long; use at most {MAX_PASSWORD_OCTETS} bytes")
    return value


def static_ip(value: str | None) -> str | None:
    """An IPv4 address for a subscriber, or None.

    RouterOS ignores a Framed-IP-Address in 127.0.0.0/8 or 224.0.0.0/3 and takes one from the pool.
    """
    if not value:
        return None
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        raise InvalidInput.of("static_ip", f"{value!r} is not an IPv4 address, such as 100.64.0.10") from None
    if address.is_loopback or address.is_unspecified or int(address) >> 29 == 7:
        raise InvalidInput.of("static_ip", f"{value} is reserved; use an address such as 100.64.0.10")
    return str(address)


def session_limit(value: int | None) -> int | None:
    """How many sessions a login may have at the same time; None means no limit."""
    if value is not None and not 1 <= value <= MAX_SESSIONS:
        raise InvalidInput.of("session_limit", f"must be between 1 and {MAX_SESSIONS}")
    return value


def address_pool(value: str | None) -> str | None:
    """The name of an address pool on the router, or None."""
    return text("address_pool", value or "", longest=63) or None


def speed(field: str, kbps: int) -> int:
    """A speed in kbit/s."""
    if not 0 < kbps <= MAX_KBPS:
        raise InvalidInput.of(field, f"must be between 1 and {MAX_KBPS:,} kbit/s")
    return kbps


def burst(value: Burst | None, *, download_kbps: int, upload_kbps: int) -> Burst | None:
    """A burst at or above the plan's speed. RouterOS rejects the whole login otherwise."""
    if value is None:
        return None
    for name in ("download_kbps", "upload_kbps", "threshold_download_kbps", "threshold_upload_kbps"):
        speed(f"burst.{name}", getattr(value, name))
    if value.download_kbps < download_kbps:
        raise InvalidInput.of(
            "burst.download_kbps", f"must be at least the plan's download speed, {download_kbps:,} kbit/s"
        )
    if value.upload_kbps < upload_kbps:
        raise InvalidInput.of(
            "burst.upload_kbps", f"must be at least the plan's upload speed, {upload_kbps:,} kbit/s"
        )
    if not 0 < value.seconds <= 3600:
        raise InvalidInput.of("burst.seconds", "must be between 1 and 3600")
    return value


def price(field: str, value: Money, currency: str) -> Money:
    """A price of zero or more in `currency`."""
    if value.currency != currency:
        raise InvalidInput.of(field, f"is in {value.currency}; use {currency}")
    if not 0 <= value.minor <= MAX_MINOR:
        raise InvalidInput.of(field, f"must be between 0.00 and {LARGEST_AMOUNT}")
    return value


def billing_terms(terms: BillingTerms, currency: str) -> BillingTerms:
    """An individual price in `currency` and a discount above zero, each of which may be missing."""
    if terms.individual_price is not None:
        price("individual_price", terms.individual_price, currency)
    discount = terms.discount
    if discount is not None:
        if discount.kind is DiscountKind.PERCENT and not 0 < discount.value <= PERCENT_SCALE:
            raise InvalidInput.of("discount.value", "must be more than 0 and at most 100 percent")
        if discount.kind is DiscountKind.AMOUNT and not 0 < discount.value <= MAX_MINOR:
            raise InvalidInput.of("discount.value", f"must be more than 0.00 and at most {LARGEST_AMOUNT}")
    return terms


def billed_from(value: date, today: date) -> date:
    """A day at most a year away from `today`: earlier ones would bill months that nobody remembers."""
    if abs(value - today) > MAX_BILLING_DISTANCE:
        raise InvalidInput.of("billed_from", f"must be within a year of today, {today}; check the year")
    return value


def clearable(names: Collection[str], allowed: Collection[str]) -> None:
    """Raises InvalidInput for fields that cannot be emptied."""
    if unknown := set(names) - set(allowed):
        raise InvalidInput.of(
            "clear", f"cannot empty {', '.join(sorted(unknown))}; only {', '.join(sorted(allowed))}"
        )


# The check of each field that an operator fills in for a subscriber.
SUBSCRIBER_FIELDS: dict[str, Callable[[str], str]] = {
    "full_name": partial(text, "full_name", required=True),
    "email": email,
    "phone": phone,
    "address": partial(text, "address", longest=500, lines=True),
    "area": area,
    "notes": partial(text, "notes", longest=5000, lines=True),
}
