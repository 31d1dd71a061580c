"""Names of sessions are stored as text, from which the same octets can be restored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from radius_svc.protocol.packet import octets_of, readable

TRICKY = st.lists(
    st.sampled_from([b"\\", b"x", b"\\x", b"5c", b"0", b"f", b"\xff", b"\0", "é".encode(), b"%"])
)


@given(st.binary() | TRICKY.map(b"".join))
def test_every_name_is_restored_octet_for_octet(octets):
    text = readable(octets)
    assert octets_of(text) == octets
    assert "\0" not in text
    text.encode()


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"%lX6b02939c%hX", "%lX6b02939c%hX"),  # pppd's radius plugin
        (b"8100001B", "8100001B"),
        ("josé-ñandú".encode(), "josé-ñandú"),
        (b"OFFICE\\juan", "OFFICE\\juan"),
        (b"\xff\0", "\\xff\\x00"),
        (b"\\xff", "\\x5cxff"),
    ],
)
def test_printable_names_are_stored_unchanged(octets, text):
    assert readable(octets) == text
    assert octets_of(text) == octets
