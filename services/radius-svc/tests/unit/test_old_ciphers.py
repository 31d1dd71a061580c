from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from radius_svc.domain import old_ciphers

THREE_KEYS = st.binary(min_size=24, max_size=24)


@given(keys=THREE_KEYS, block=st.binary(min_size=8, max_size=8))
def test_des_matches_the_package(keys, block):
    assert old_ciphers.des_thrice(keys, block) == old_ciphers._des_of_package(keys, block)


@given(octets=st.binary(max_size=300))
def test_md4_matches_the_package(octets):
    assert old_ciphers.md4(octets) == old_ciphers._md4_of_package(octets)


def test_without_openssl_the_packages_are_used(monkeypatch):
    monkeypatch.setattr(old_ciphers, "_LIBRARY", "no-such-library.so")
    assert old_ciphers._choose() == (old_ciphers._des_of_package, old_ciphers._md4_of_package)


def test_a_library_with_a_wrong_answer_is_not_used(monkeypatch):
    monkeypatch.setattr(old_ciphers, "_MD4_ANSWER", (b"abc", "00" * 16))
    assert old_ciphers._choose() == (old_ciphers._des_of_package, old_ciphers._md4_of_package)
