"""Test vectors of RFC 2759 section 9.2, RFC 3079 sections 3.5.3 and 4.5, and pppd's README.MSCHAP80."""

from __future__ import annotations

from radius_svc.domain import mschap

AUTHENTICATOR_CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
PASSWORD_HASH = bytes.fromhex("44EBBA8D5312B8D611474411F56989AE")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
CHALLENGE = bytes.fromhex("D02E4386BCE91226")


def test_password_hash_matches_the_rfc():
    assert mschap.nt_password_hash("clientPass") == PASSWORD_HASH
    assert mschap.hash_nt_password_hash(PASSWORD_HASH).hex() == "41c00c584bd2d91c4017a2a12fa59f3f"


def test_challenge_hash_matches_the_rfc_with_and_without_a_domain():
    assert mschap.challenge_hash(PEER_CHALLENGE, AUTHENTICATOR_CHALLENGE, b"User") == CHALLENGE
    assert mschap.challenge_hash(PEER_CHALLENGE, AUTHENTICATOR_CHALLENGE, b"OFFICE\\User") == CHALLENGE


def test_right_response_is_accepted_and_any_other_is_not():
    assert mschap.response_is_right(CHALLENGE, NT_RESPONSE, PASSWORD_HASH)
    assert not mschap.response_is_right(CHALLENGE, NT_RESPONSE[:-1] + b"\0", PASSWORD_HASH)
    assert not mschap.response_is_right(CHALLENGE, NT_RESPONSE, bytes(16))


def test_version_1_response_matches_pppd():
    response = mschap.challenge_response(bytes.fromhex("102DB5DF085D3041"), mschap.nt_password_hash("MyPw"))

    assert response.hex().upper() == "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61"


def test_authenticator_response_matches_the_rfc():
    answer = mschap.authenticator_response(CHALLENGE, NT_RESPONSE, PASSWORD_HASH)

    assert answer == b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def test_mppe_keys_match_the_rfc():
    assert (
        mschap.mppe_master_key(PASSWORD_HASH, NT_RESPONSE).hex().upper() == "FDECE3717A8C838CB388E527AE3CDD31"
    )
    send_key, receive_key = mschap.mppe_send_and_receive_keys(PASSWORD_HASH, NT_RESPONSE)
    assert send_key.hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    assert receive_key.hex().upper() == "D5F0E9521E3EA9589645E86051C82226"
