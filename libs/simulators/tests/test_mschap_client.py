"""The client's side of the example in RFC 2759 section 9.2."""

from __future__ import annotations

import pytest
from simulators.mschap_client import MsChap2Exchange

SUCCESS = b"\x01S=407A5589115FD0D6209F510FE9C04566932CDA56"


@pytest.fixture
def exchange():
    return MsChap2Exchange(
        username="User",
        password="clientPass",
        authenticator_challenge=bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628"),
        peer_challenge=bytes.fromhex("21402324255E262A28295F2B3A337C7E"),
    )


def test_response_matches_the_rfc(exchange):
    assert exchange.nt_response().hex().upper() == "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"
    assert len(exchange.response_attribute()) == 50


def test_only_a_server_that_knows_the_password_is_genuine(exchange):
    assert exchange.server_is_genuine(SUCCESS)
    assert not exchange.server_is_genuine(b"\x02" + SUCCESS[1:])
    assert not exchange.server_is_genuine(SUCCESS[:-1] + b"7")


def test_keys_match_the_rfc(exchange):
    assert exchange.keys()[1].hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
