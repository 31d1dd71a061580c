from __future__ import annotations

import ipaddress

import pytest
from contracts.common import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from router_svc.domain import checks

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=140)


@given(ANY_TEXT)
def test_names_and_secrets_are_accepted_or_refused_by_field(value: str):
    for check, field, most in ((checks.name, "name", 400), (checks.radius_secret, "radius_secret", 128)):
        try:
            kept = check(value)
        except InvalidInput as refused:
            assert refused.errors[0].field == field
        else:
            assert 0 < len(kept.encode()) <= most
            assert kept.isprintable()


def test_secret_is_kept_unchanged():
    assert checks.radius_secret(" with space ") == " with space "
    for wrong in ("", "x" * 129, "ñ" * 65, "a\nb", "\ud83d"):
        with pytest.raises(InvalidInput):
            checks.radius_secret(wrong)


@given(st.ip_addresses())
def test_address_is_stored_in_one_form(address: ipaddress.IPv4Address | ipaddress.IPv6Address):
    """RADIUS looks up a router by its source address as text."""
    try:
        kept = checks.nas_address(f" {address.exploded} ")
    except InvalidInput:
        assert address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255"
    else:
        assert kept == str(address)


@pytest.mark.parametrize(
    "value",
    ["", "router.example", "10.0.0.0/24", "010.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "ff02::1"],
)
def test_addresses_that_routers_cannot_have_are_refused(value: str):
    with pytest.raises(InvalidInput) as refused:
        checks.nas_address(value)
    assert refused.value.errors[0].field == "nas_address"


def test_port_is_between_1_and_65535():
    assert (checks.port(1), checks.port(3799), checks.port(65535)) == (1, 3799, 65535)
    for wrong in (0, -1, 65536, 10**20):
        with pytest.raises(InvalidInput):
            checks.port(wrong)
