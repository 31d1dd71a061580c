from __future__ import annotations

import ipaddress
from datetime import date

import pytest
from contracts.common import InvalidInput
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.subscriber import Burst
from hypothesis import given
from hypothesis import strategies as st
from subscriber_svc.domain import checks

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # half surrogate pairs too


def field_of(check, *args, **kwargs) -> str:
    with pytest.raises(InvalidInput) as refused:
        check(*args, **kwargs)
    (wrong,) = refused.value.errors
    assert wrong.message
    return wrong.field


@pytest.mark.parametrize("name", ["Juan dela Cruz", "Ma. Peña-Reyes", "O'Brien", "李小龍", "Zoë 😀", "ok"])
def test_names_are_accepted_as_people_write_them(name: str):
    assert checks.text("full_name", f"  {name} ", required=True) == name


@pytest.mark.parametrize("name", ["", "   ", "\n", "x" * 201, "a\x00b", "a\x1bb", "a\nb", "a\x85b", "\ud83d"])
def test_bad_names_are_refused(name: str):
    assert field_of(checks.text, "full_name", name, required=True) == "full_name"


def test_notes_may_have_line_breaks_and_tabs():
    assert checks.text("notes", "one\r\n\ttwo", lines=True) == "one\r\n\ttwo"
    assert field_of(checks.text, "notes", "one\x00", lines=True) == "notes"


@given(ANY_TEXT)
def test_text_is_clean_or_refused(value: str):
    try:
        kept = checks.text("notes", value, lines=True)
    except InvalidInput:
        return
    kept.encode()
    assert "\x00" not in kept
    assert kept == kept.strip()


@pytest.mark.parametrize("value", ["", "juan@example.com", "Juan.D+isp@mail.example.ph", "ñ@ñandu.example"])
def test_good_email_addresses_are_accepted(value: str):
    assert checks.email(value) == value


@pytest.mark.parametrize("value", ["juan", "juan@", "@example.com", "a b@c.ph", "a@b", "a@b@c.d", "\x00"])
def test_bad_email_addresses_are_refused(value: str):
    assert field_of(checks.email, value) == "email"


@pytest.mark.parametrize("value", ["", "09171234567", "+63 917 123 4567", "(02) 8123-4567", "0917.123.4567"])
def test_good_phone_numbers_are_accepted(value: str):
    assert checks.phone(value) == value


@pytest.mark.parametrize("value", ["911", "call me", "+", "0917١٢٣٤٥٦٧", "1" * 40])
def test_bad_phone_numbers_are_refused(value: str):
    assert field_of(checks.phone, value) == "phone"


@pytest.mark.parametrize(
    "username",
    ["juan.delacruz", "Juan.DelaCruz", "007", "a@realm", "a b", "Peña", "😀", "x" * 64, "ñ" * 32],
)
def test_pppoe_username_is_kept_unchanged(username: str):
    assert checks.pppoe_username(username) == username


@pytest.mark.parametrize("username", ["", " juan", "juan ", "x" * 65, "ñ" * 33, "a\x00", "a\tb", "\ud83d"])
def test_bad_pppoe_usernames_are_refused(username: str):
    assert field_of(checks.pppoe_username, username) == "pppoe_username"


@pytest.mark.parametrize("password", ["yes", " with spaces ", "p@ss'\"\\;--", "Ñ" * 64])
def test_pppoe_password_is_kept_unchanged(password: str):
    assert checks.pppoe_password(password) == password


@pytest.mark.parametrize("password", ["", "x" * 129, "Ñ" * 65, "a\x00b", "\udfff"])
def test_bad_pppoe_passwords_are_refused(password: str):
    assert field_of(checks.pppoe_password, password) == "pppoe_password"


@given(ANY_TEXT)
def test_accepted_logins_can_be_sent_over_radius(value: str):
    for check, most in ((checks.pppoe_username, 64), (checks.pppoe_password, 128)):
        try:
            kept = check(value)
        except InvalidInput:
            continue
        assert kept == value
        assert 0 < len(kept.encode()) <= most


@given(st.ip_addresses(v=4))
def test_static_ip_is_an_address_that_routeros_assigns(address: ipaddress.IPv4Address):
    try:
        kept = checks.static_ip(str(address))
    except InvalidInput:
        assert address.is_loopback or address.is_unspecified or address >= ipaddress.IPv4Address("224.0.0.0")
    else:
        assert kept == str(address)


@pytest.mark.parametrize(
    "value", ["10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/24", "::1", " 10.0.0.1", "\x00"]
)
def test_bad_static_ip_addresses_are_refused(value: str):
    assert field_of(checks.static_ip, value) == "static_ip"


def test_empty_static_ip_is_none():
    assert checks.static_ip(None) is None
    assert checks.static_ip("") is None


@pytest.mark.parametrize("limit", [None, 1, 16])
def test_session_limits_in_range_are_accepted(limit: int | None):
    assert checks.session_limit(limit) == limit


@pytest.mark.parametrize("limit", [0, -1, 17, 2**70])
def test_session_limits_out_of_range_are_refused(limit: int):
    assert field_of(checks.session_limit, limit) == "session_limit"


@pytest.mark.parametrize("kbps", [0, -1, 400_000_001, 2**31])
def test_speeds_out_of_range_are_refused(kbps: int):
    assert field_of(checks.speed, "download_kbps", kbps) == "download_kbps"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"download_kbps": 49_999}, "burst.download_kbps"),
        ({"upload_kbps": 0}, "burst.upload_kbps"),
        ({"threshold_download_kbps": -1}, "burst.threshold_download_kbps"),
        ({"seconds": 0}, "burst.seconds"),
        ({"seconds": 3601}, "burst.seconds"),
    ],
)
def test_bursts_that_routeros_would_reject_are_refused(change: dict, field: str):
    good = {
        "download_kbps": 60_000,
        "upload_kbps": 60_000,
        "threshold_download_kbps": 40_000,
        "threshold_upload_kbps": 40_000,
        "seconds": 8,
    }
    assert checks.burst(Burst(**good), download_kbps=50_000, upload_kbps=50_000) == Burst(**good)
    bad = Burst(**{**good, **change})
    assert field_of(checks.burst, bad, download_kbps=50_000, upload_kbps=50_000) == field


@pytest.mark.parametrize("minor", [-1, 10**11 + 1])
def test_prices_out_of_range_are_refused(minor: int):
    assert field_of(checks.price, "price", Money(minor), "PHP") == "price"


def test_prices_in_another_currency_are_refused():
    assert field_of(checks.price, "price", Money(100, "USD"), "PHP") == "price"
    assert checks.price("price", Money(0), "PHP") == Money(0)


@pytest.mark.parametrize(
    ("kind", "value", "fine"),
    [
        (DiscountKind.PERCENT, 1, True),
        (DiscountKind.PERCENT, 10_000, True),
        (DiscountKind.PERCENT, 10_001, False),
        (DiscountKind.PERCENT, 0, False),
        (DiscountKind.AMOUNT, 10_001, True),
        (DiscountKind.AMOUNT, 0, False),
        (DiscountKind.AMOUNT, -5, False),
        (DiscountKind.AMOUNT, 10**12, False),
    ],
)
def test_discounts_are_above_zero_and_within_limits(kind: DiscountKind, value: int, fine: bool):
    terms = BillingTerms(None, Discount(kind, value, date(2020, 1, 1)))
    if fine:
        assert checks.billing_terms(terms, "PHP") == terms
    else:
        assert field_of(checks.billing_terms, terms, "PHP") == "discount.value"


def test_individual_price_is_checked_like_a_price():
    assert field_of(checks.billing_terms, BillingTerms(Money(-1)), "PHP") == "individual_price"
