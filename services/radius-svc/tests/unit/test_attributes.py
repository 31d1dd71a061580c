from __future__ import annotations

import pytest
from radius_svc.protocol.attributes import ReplyItem, encode, merged

PLAN = [ReplyItem("Mikrotik-Rate-Limit", "=", "10M/50M"), ReplyItem("Framed-Pool", "=", "subscribers")]
SUSPENDED = [
    ReplyItem("Mikrotik-Address-List", ":=", "fenced"),
    ReplyItem("Mikrotik-Rate-Limit", ":=", "256k/256k"),
    ReplyItem("Fall-Through", "=", "Yes"),
]


def values(items):
    return {item.name: item.value for item in items}


def test_own_reply_wins_over_the_group():
    own = [ReplyItem("Framed-Pool", ":=", "own")]

    assert values(merged(own, [PLAN])) == {"Framed-Pool": "own", "Mikrotik-Rate-Limit": "10M/50M"}


def test_first_group_wins_and_the_next_fills_up_when_it_falls_through():
    assert values(merged([], [SUSPENDED, PLAN])) == {
        "Mikrotik-Address-List": "fenced",
        "Mikrotik-Rate-Limit": "256k/256k",
        "Framed-Pool": "subscribers",
    }


def test_group_that_does_not_fall_through_is_the_last():
    assert values(merged([], [SUSPENDED[:2], PLAN])) == {
        "Mikrotik-Address-List": "fenced",
        "Mikrotik-Rate-Limit": "256k/256k",
    }


def test_fence_replaces_a_rate_of_the_login_itself():
    own = [ReplyItem("Mikrotik-Rate-Limit", ":=", "1G/1G")]

    assert values(merged(own, [SUSPENDED, PLAN]))["Mikrotik-Rate-Limit"] == "256k/256k"


def test_plus_adds_another_value():
    routes = [ReplyItem("Framed-Route", "+=", "10.1.0.0/24"), ReplyItem("Framed-Route", "+=", "10.2.0.0/24")]

    assert merged(routes, []) == routes


def test_attributes_are_encoded_by_kind():
    assert encode(ReplyItem("Framed-IP-Address", "=", "10.9.8.7")) == b"\x08\x06\x0a\x09\x08\x07"
    assert encode(ReplyItem("Session-Timeout", "=", "3600")) == b"\x1b\x06\x00\x00\x0e\x10"
    assert encode(ReplyItem("Mikrotik-Rate-Limit", "=", "1M")) == b"\x1a\x0a\x00\x00\x3a\x8c\x08\x041M"


@pytest.mark.parametrize(
    ("name", "value"),
    [("Session-Timeout", "soon"), ("Session-Timeout", "-1"), ("Framed-IP-Address", "here"), ("No-Such", "1")],
)
def test_what_cannot_be_encoded_is_a_value_error(name, value):
    with pytest.raises(ValueError):
        encode(ReplyItem(name, "=", value))
