"""What a NAS calls a session is kept as a text, and said again octet for octet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from radius_svc.protocol.packet import octets_of, readable

TRICKY = st.lists(
    st.sampled_from([b"\\", b"x", b"\\x", b"5c", b"0", b"f", b"\xff", b"\0", "é".encode(), b"%"])
)


@given(st.binary() | TRICKY.map(b"".join))
def test_every_name_comes_back_as_it_was(octets):
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
def test_what_people_can_read_stays_readable(octets, text):
    assert readable(octets) == text
    assert octets_of(text) == octets
