"""The codec, compared with pyrad."""

from __future__ import annotations

import random
import struct

import pytest
from pyrad.packet import AcctPacket, AuthPacket
from radius_svc.protocol import packet as codec
from radius_svc.protocol.packet import Malformed, Request
from radius_svc.protocol.signing import SharedSecret, two_salts
from simulators.nas import DICTIONARY

from .conftest import mutated

SECRET = b"nas-shared-secret"
OURS = SharedSecret(SECRET)


def access_request(**attributes) -> AuthPacket:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY, id=42, authenticator=bytes(range(16)))
    request.add_message_authenticator()
    request["User-Name"] = "juan"
    for name, value in attributes.items():
        request[name.replace("_", "-")] = value
    return request


def accounting_request(**attributes) -> AcctPacket:
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=43)
    request["User-Name"] = "juan"
    for name, value in attributes.items():
        request[name.replace("_", "-")] = value
    return request


def raw(*attributes: bytes, code: int = 1) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!BBH", code, 1, 20 + len(body)) + bytes(16) + body


def test_packets_encoded_by_pyrad_are_decoded():
    octets = access_request(
        NAS_Port=15728640, MS_CHAP_Challenge=b"c" * 16, NAS_IP_Address="10.1.1.1"
    ).RequestPacket()
    request = Request(octets)

    assert (request.code, request.identifier, request.authenticator) == (1, 42, bytes(range(16)))
    assert request.attributes[codec.USER_NAME] == b"juan"
    assert request.integer(codec.NAS_PORT) == 15728640
    assert request.address(codec.NAS_IP_ADDRESS) == "10.1.1.1"
    assert request.vendor_attributes[codec.MICROSOFT, codec.MS_CHAP_CHALLENGE] == b"c" * 16


def test_message_authenticator_of_pyrad_is_right_only_with_our_secret():
    request = Request(access_request().RequestPacket())

    assert request.is_signed
    assert request.signature_is_right(OURS)
    assert not request.signature_is_right(SharedSecret(b"another"))


def test_message_authenticator_covers_every_octet():
    octets = access_request(NAS_Port=1).RequestPacket()
    for at in range(4, len(octets)):
        changed = octets[:at] + bytes((octets[at] ^ 1,)) + octets[at + 1 :]
        try:
            request = Request(changed)
        except Malformed:
            continue
        assert not request.signature_is_right(OURS), at


def test_accounting_authenticator_of_pyrad_is_right_only_with_our_secret():
    request = Request(accounting_request().RequestPacket())

    assert request.accounting_authenticator_is_right(OURS)
    assert not request.accounting_authenticator_is_right(SharedSecret(b"another"))


@pytest.mark.parametrize("password", ["a", "sixteen-octets!!", "contraseña ₱", "x" * 128])
def test_password_hidden_by_pyrad_is_decrypted(password):
    request = access_request()
    request["User-Password"] = request.PwCrypt(password)

    assert Request(request.RequestPacket()).decrypted_password(OURS).decode() == password


@pytest.mark.parametrize("length", [0, 15, 17, 144])
def test_password_of_impossible_length_is_malformed(length):
    with pytest.raises(Malformed):
        Request(raw(codec.attribute(codec.USER_PASSWORD, b"x" * length))).decrypted_password(OURS)


def test_pyrad_accepts_a_reply_with_proxy_states_in_order():
    asked = access_request()
    asked.AddAttribute("Proxy-State", b"second")
    asked.AddAttribute("Proxy-State", b"first")
    octets = asked.RequestPacket()

    reply = codec.signed_reply(Request(octets), codec.ACCESS_ACCEPT, codec.attribute(88, b"pool"), OURS)

    read = asked.CreateReply(packet=reply)
    assert asked.VerifyReply(read, reply, enforce_ma=True)
    assert read["Framed-Pool"] == ["pool"]
    assert read["Proxy-State"] == [b"second", b"first"]
    assert reply[20:22] == b"\x50\x12"


def test_pyrad_refuses_a_forged_reply():
    asked = access_request()
    reply = codec.signed_reply(Request(asked.RequestPacket()), codec.ACCESS_REJECT, b"", OURS)
    forged = bytes((codec.ACCESS_ACCEPT,)) + reply[1:]

    assert not asked.VerifyReply(asked.CreateReply(packet=forged), forged)


def test_pyrad_accepts_an_accounting_response():
    asked = accounting_request(Proxy_State=b"state")
    reply = codec.accounting_response(Request(asked.RequestPacket()), OURS)

    read = asked.CreateReply(packet=reply)
    assert asked.VerifyReply(read, reply)
    assert read["Proxy-State"] == [b"state"]


def test_pyrad_decrypts_our_keys():
    asked = access_request()
    authenticator = Request(asked.RequestPacket()).authenticator
    for salt in two_salts():
        assert salt[0] & 0x80
        sealed = OURS.hidden_key(b"sixteen-octets!!", salt, authenticator)
        assert asked.SaltDecrypt(sealed) == b"sixteen-octets!!"


def test_octets_after_the_length_are_padding():
    octets = access_request().RequestPacket()

    assert Request(octets + b"padding").octets == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes(19),
        b"\x01\x01\x00\x13" + bytes(16),
        b"\x01\x01\x00\x15" + bytes(16),
        raw(b"\x01"),
        raw(b"\x01\x01"),
        raw(b"\x01\x00"),
        raw(b"\x01\x09a"),
        raw(b"\x50\x11" + bytes(15)),
        raw((b"\x50\x12" + bytes(16)) * 2),
        raw(b"\x1a\x05\x00\x00\x01"),
        raw(b"\x1a\x08\x00\x00\x01\x37\x0b\x09"),
        raw(b"\x1a\x08\x00\x00\x01\x37\x0b\x01"),
        b"\x01\x01" + struct.pack("!H", 4097) + bytes(4093),
    ],
)
def test_broken_packet_is_malformed(octets):
    with pytest.raises(Malformed):
        Request(octets)


def test_broken_values_are_malformed():
    request = Request(
        raw(codec.attribute(5, b"abc"), codec.attribute(8, b"abc"), codec.attribute(97, b"\0\xff" + b"a" * 8))
    )
    for read in (
        lambda: request.integer(codec.NAS_PORT),
        lambda: request.address(codec.FRAMED_IP_ADDRESS),
        lambda: request.ipv6_prefix(codec.FRAMED_IPV6_PREFIX),
    ):
        with pytest.raises(Malformed):
            read()


def test_ipv6_prefix_is_read():
    value = b"\0\x38" + bytes.fromhex("20010db8aabbcc")

    assert Request(raw(codec.attribute(123, value))).ipv6_prefix(123) == "2001:db8:aabb:cc00::/56"


def test_attributes_of_unknown_vendors_are_skipped():
    assert Request(raw(b"\x1a\x08\x00\x00\x00\x09\xff\xff")).vendor_attributes == {}


def test_text_is_always_storable():
    assert Request(raw(codec.attribute(1, b"a\xff\0"))).text(1) == "a\\xff\\x00"


def test_values_that_are_too_long_are_refused():
    with pytest.raises(ValueError, match="longer than"):
        codec.attribute(11, b"x" * 254)
    with pytest.raises(ValueError, match="longer than"):
        codec.vendor_attribute(codec.MIKROTIK, 8, b"x" * 248)


def test_pyrad_reads_the_packets_we_accept_in_the_same_way():
    """If both decode a mutated packet, they see the same attributes. Only Malformed is raised."""
    dice = random.Random(20261123)
    seeds = [
        access_request(NAS_Port=1, MS_CHAP_Challenge=b"c" * 16, Calling_Station_Id="02:00").RequestPacket(),
        accounting_request(Acct_Status_Type="Start", Acct_Session_Id="8100001c").RequestPacket(),
    ]
    compared = 0
    for _ in range(20_000):
        octets = mutated(dice, dice.choice(seeds))
        try:
            ours = Request(octets)
        except Malformed:
            continue
        theirs = AuthPacket(secret=SECRET, packet=ours.octets)
        for kind, value in ours.attributes.items():
            assert theirs[kind][0] == value
        compared += 1
    assert compared > 1_000
