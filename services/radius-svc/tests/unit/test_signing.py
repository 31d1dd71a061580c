from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st
from radius_svc.protocol.signing import SharedSecret, two_salts


@given(secret=st.binary(min_size=1, max_size=200), octets=st.binary(max_size=300))
def test_signature_matches_the_standard_library(secret, octets):
    assert SharedSecret(secret).hmac_md5(octets) == hmac.digest(secret, octets, "md5")


@given(plain=st.binary(min_size=0, max_size=128), vector=st.binary(min_size=16, max_size=16))
def test_reveal_reverses_hide(plain, vector):
    secret = SharedSecret(b"lab-secret")
    padded = plain.ljust(-(-len(plain) // 16) * 16, b"\0")
    assert secret.reveal(secret.hide(padded, vector), vector) == padded


def test_secrets_compare_by_value_and_are_not_in_the_repr():
    assert SharedSecret(b"one") == SharedSecret(b"one") != SharedSecret(b"two")
    assert "one" not in repr(SharedSecret(b"one"))


def test_salts_differ_and_have_the_highest_bit_set():
    first, second = two_salts()
    assert first != second
    assert first[0] & second[0] & 0x80
