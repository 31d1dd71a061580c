"""What may be entered. Each check gives the cleaned value or raises InvalidInput for its field."""

from __future__ import annotations

import ipaddress
import re

from contracts.common import InvalidInput
from contracts.money import MAX_MINOR, Money
from contracts.pricing import BillingTerms, DiscountKind
from contracts.subscriber import MAX_KBPS, MAX_SESSIONS, Burst

MAX_USERNAME_OCTETS = 64
MAX_PASSWORD_OCTETS = 128  # RFC 2865 5.2: a User-Password is at most 128 octets
PERCENT_SCALE = 10_000  # hundredths of a percent

# Half a surrogate pair (JSON can escape one) is no character: it can be neither stored nor sent.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_LAYOUT = str.maketrans("", "", "\n\r\t")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"[+(]?[0-9][0-9 ().-]{5,19}")


def text(field: str, value: str, *, required: bool = False, longest: int = 200, lines: bool = False) -> str:
    """Text without surrounding space or control characters, at most `longest` characters."""
    value = value.strip()
    if required and not value:
        raise InvalidInput.of(field, "must not be empty")
    if len(value) > longest:
        raise InvalidInput.of(field, f"is {len(value)} characters long; use at most {longest}")
    if _CONTROL.search(value.translate(_LINE_LAYOUT) if lines else value):
        raise InvalidInput.of(field, "contains control characters; remove them")
    return value


def email(value: str) -> str:
    value = text("email", value, longest=254)
    if value and not _EMAIL.fullmatch(value):
        raise InvalidInput.of(
            "email", f"{value!r} is not an e-mail address; use name@example.com or leave it empty"
        )
    return value


def phone(value: str) -> str:
    value = text("phone", value, longest=30)
    if value and not _PHONE.fullmatch(value):
        raise InvalidInput.of("phone", f"{value!r} is not a phone number; use digits such as 09171234567")
    return value


def pppoe_username(value: str) -> str:
    """Kept letter for letter: case and inner spaces matter to the router."""
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
    if not value:
        raise InvalidInput.of("pppoe_password", "must not be empty")
    if _CONTROL.search(value):
        raise InvalidInput.of("pppoe_password", "contains control characters; remove them")
    if len(value.encode()) > MAX_PASSWORD_OCTETS:
        raise InvalidInput.of("pppoe_password", f"is too long; use at most {MAX_PASSWORD_OCTETS} bytes")
    return value


def static_ip(value: str | None) -> str | None:
    """An address a subscriber can have; RouterOS reads 127/8 and 224/3 as "use the pool"."""
    if not value:
        return None
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        raise InvalidInput.of("static_ip", f"{value!r} is not an IPv4 address") from None
    if address.is_loopback or address.is_unspecified or int(address) >> 29 == 7:
        raise InvalidInput.of("static_ip", f"{value} cannot be given to a subscriber")
    return str(address)


def session_limit(value: int | None) -> int | None:
    """How many sessions a login may have at a time; None is no limit."""
    if value is not None and not 1 <= value <= MAX_SESSIONS:
        raise InvalidInput.of("session_limit", f"must be between 1 and {MAX_SESSIONS}")
    return value


def speed(field: str, kbps: int) -> int:
    if not 0 < kbps <= MAX_KBPS:
        raise InvalidInput.of(field, f"must be between 1 and {MAX_KBPS} kbit/s")
    return kbps


def burst(value: Burst | None, *, download_kbps: int, upload_kbps: int) -> Burst | None:
    """A burst is above the plan's own speed: RouterOS refuses the whole login otherwise."""
    if value is None:
        return None
    for name in ("download_kbps", "upload_kbps", "threshold_download_kbps", "threshold_upload_kbps"):
        speed(f"burst.{name}", getattr(value, name))
    if value.download_kbps < download_kbps:
        raise InvalidInput.of("burst.download_kbps", "is below the download speed of the plan")
    if value.upload_kbps < upload_kbps:
        raise InvalidInput.of("burst.upload_kbps", "is below the upload speed of the plan")
    if not 0 < value.seconds <= 3600:
        raise InvalidInput.of("burst.seconds", "must be between 1 and 3600")
    return value


def price(field: str, value: Money, currency: str) -> Money:
    if value.currency != currency:
        raise InvalidInput.of(field, f"is in {value.currency}; this system bills in {currency}")
    if not 0 <= value.minor <= MAX_MINOR:
        raise InvalidInput.of(field, "must not be negative or absurdly large")
    return value


def billing_terms(terms: BillingTerms, currency: str) -> BillingTerms:
    if terms.individual_price is not None:
        price("individual_price", terms.individual_price, currency)
    discount = terms.discount
    if discount is not None:
        if discount.kind is DiscountKind.PERCENT and not 0 < discount.value <= PERCENT_SCALE:
            raise InvalidInput.of("discount.value", "a percentage must be above 0 and at most 100")
        if discount.kind is DiscountKind.AMOUNT and not 0 < discount.value <= MAX_MINOR:
            raise InvalidInput.of("discount.value", "an amount must be above 0")
    return terms
