"""Vectors taken from FreeRADIUS 3.2.1."""

from __future__ import annotations

from radius_svc.domain.acct_unique_id import acct_unique_id


def test_all_parts_present():
    computed = acct_unique_id(
        username=b"bob",
        session_id=b"8110001c",
        nas_address="10.1.1.1",
        nas_identifier=b"R 1",
        nas_port_id=b"ether2",
        nas_port=15728640,
    )

    assert computed == "7b7eef99c1e6081edecc155e74a430a7"


def test_missing_attributes_are_empty_and_octets_are_raw():
    computed = acct_unique_id(username="peña".encode(), session_id=b"8110001b", nas_address="127.0.0.1")

    assert computed == "a0a4b733ac5f753f63fd15aeebc21ff5"
