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


def test_reply_of_the_login_wins_over_the_group():
    own = [ReplyItem("Framed-Pool", ":=", "own")]

    assert values(merged(own, [PLAN])) == {"Framed-Pool": "own", "Mikrotik-Rate-Limit": "10M/50M"}


def test_first_group_wins_and_falls_through_to_the_next():
    assert values(merged([], [SUSPENDED, PLAN])) == {
        "Mikrotik-Address-List": "fenced",
        "Mikrotik-Rate-Limit": "256k/256k",
        "Framed-Pool": "subscribers",
    }


def test_groups_after_one_without_fall_through_are_ignored():
    assert values(merged([], [SUSPENDED[:2], PLAN])) == {
        "Mikrotik-Address-List": "fenced",
        "Mikrotik-Rate-Limit": "256k/256k",
    }


def test_suspended_rate_replaces_the_rate_of_the_login():
    own = [ReplyItem("Mikrotik-Rate-Limit", ":=", "1G/1G")]

    assert values(merged(own, [SUSPENDED, PLAN]))["Mikrotik-Rate-Limit"] == "256k/256k"


def test_plus_operator_adds_another_value():
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
def test_invalid_attributes_raise_value_error(name, value):
    with pytest.raises(ValueError):
        encode(ReplyItem(name, "=", value))
