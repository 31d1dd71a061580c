"""MS-CHAP as the server computes it: RFC 2433 (version 1), RFC 2759 (version 2), RFC 3079 (MPPE keys).

Lengths are in octets. A challenge is 8 octets in version 1 and 16 in version 2, an NT response is 24, a
password hash 16. Nothing here compares in variable time. For the hashes seen last the key schedules are kept,
which makes a response three times cheaper; one thread at a time may compute responses.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha1

from Crypto.Hash import MD4
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

# RFC 2759 8.7
_MAGIC_SERVER_TO_CLIENT = b"Magic server to client signing constant"
_MAGIC_PAD = b"Pad to make it do more than one iteration"
# RFC 3079 3.4
_MAGIC_MASTER_KEY = b"This is the MPPE Master Key"
_MAGIC_CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
_MAGIC_SERVER_SENDS = b"On the client side, this is the receive key; on the server side, it is the send key."
_SHS_PAD_1 = bytes(40)
_SHS_PAD_2 = b"\xf2" * 40

# About 4 kB each. Who dials again and again is among them; all homes at once after a power cut are not.
_KEPT_SCHEDULES = 4096
_ECB = modes.ECB()  # noqa: S305 - what RFC 2759 asks for


def nt_password_hash(password: str) -> bytes:
    """RFC 2759 8.3: MD4 of the password in UTF-16, little endian. What is stored instead of the password."""
    return MD4.new(password.encode("utf-16-le", "surrogatepass")).digest()  # noqa: S303


@lru_cache(maxsize=_KEPT_SCHEDULES)
def hash_nt_password_hash(password_hash: bytes) -> bytes:
    """RFC 2759 8.4. Also the NT key of MS-CHAP-MPPE-Keys (RFC 2548 2.4.1)."""
    return MD4.new(password_hash).digest()  # noqa: S303


def challenge_hash(peer_challenge: bytes, authenticator_challenge: bytes, username: bytes) -> bytes:
    """RFC 2759 8.2: the 8 octets both sides sign. The name goes in without a Windows domain."""
    name = username.rpartition(b"\\")[2]
    return _sha1(peer_challenge + authenticator_challenge + name)[:8]


def challenge_response(challenge: bytes, password_hash: bytes) -> bytes:
    """RFC 2759 8.5: the 8-octet challenge under three DES keys cut from the hash, padded to 21 octets."""
    first, second, third = _key_schedules(password_hash)
    return first(challenge) + second(challenge) + third(challenge)


def response_is_right(challenge: bytes, nt_response: bytes, password_hash: bytes) -> bool:
    """RFC 2433 A.4 with the challenge as sent, RFC 2759 8.1 with the one of `challenge_hash`."""
    return hmac.compare_digest(challenge_response(challenge, password_hash), nt_response)


def authenticator_response(challenge: bytes, nt_response: bytes, password_hash: bytes) -> bytes:
    """RFC 2759 8.7: `S=` and 40 hex digits, by which the peer knows that we know its password too.

    `challenge` is that of `challenge_hash`.
    """
    password_hash_hash = hash_nt_password_hash(password_hash)
    signed = _sha1(password_hash_hash + nt_response + _MAGIC_SERVER_TO_CLIENT)
    return b"S=" + _sha1(signed + challenge + _MAGIC_PAD).hex().upper().encode()


def mppe_master_key(password_hash: bytes, nt_response: bytes) -> bytes:
    """RFC 3079 3.4 GetMasterKey, 16 octets."""
    return _sha1(hash_nt_password_hash(password_hash) + nt_response + _MAGIC_MASTER_KEY)[:16]


def mppe_send_and_receive_keys(password_hash: bytes, nt_response: bytes) -> tuple[bytes, bytes]:
    """RFC 3079 3.4 GetAsymmetricStartKey, 128 bit: what the server (the NAS) sends with, receives with."""
    master_key = mppe_master_key(password_hash, nt_response)
    return _start_key(master_key, _MAGIC_SERVER_SENDS), _start_key(master_key, _MAGIC_CLIENT_SENDS)


def _start_key(master_key: bytes, magic: bytes) -> bytes:
    return _sha1(master_key + _SHS_PAD_1 + magic + _SHS_PAD_2)[:16]


def _sha1(octets: bytes) -> bytes:
    return sha1(octets, usedforsecurity=False).digest()


@lru_cache(maxsize=_KEPT_SCHEDULES)
def _key_schedules(password_hash: bytes) -> tuple[Callable[[bytes], bytes], ...]:
    """Three functions that encrypt one block of single DES, by the keys cut from a password hash."""
    padded = password_hash + bytes(5)
    return tuple(_des(padded[start : start + 7]) for start in (0, 7, 14))


def _des(key: bytes) -> Callable[[bytes], bytes]:
    """Single DES with a 7-octet key. Three equal keys make triple DES the single one."""
    encrypt: Callable[[bytes], bytes] = Cipher(TripleDES(_with_parity_bits(key) * 3), _ECB).encryptor().update
    return encrypt


def _with_parity_bits(key: bytes) -> bytes:
    """56 bits spread over 8 octets, seven each. DES ignores the lowest bit, so no parity is computed."""
    bits = int.from_bytes(key, "big") << 1
    return bytes(
        (
            bits >> 49 & 0xFE,
            bits >> 42 & 0xFE,
            bits >> 35 & 0xFE,
            bits >> 28 & 0xFE,
            bits >> 21 & 0xFE,
            bits >> 14 & 0xFE,
            bits >> 7 & 0xFE,
            bits & 0xFE,
        )
    )
