"""MS-CHAP as the server computes it: RFC 2433 (version 1), RFC 2759 (version 2), RFC 3079 (MPPE keys).

Lengths are in octets: a challenge has 8 in version 1 and 16 in version 2, an NT response has 24, a password
hash 16. All comparisons take constant time. Values derived from recent password hashes are cached. Only one
thread of a process may call these functions (see old_ciphers).
"""

from __future__ import annotations

import hmac
from binascii import hexlify
from functools import lru_cache
from hashlib import sha1
from typing import Final

from radius_svc.domain.old_ciphers import des_thrice, md4

# RFC 2759 section 8.7
_MAGIC_SERVER_TO_CLIENT: Final = b"Magic server to client signing constant"
_MAGIC_PAD: Final = b"Pad to make it do more than one iteration"
# RFC 3079 section 3.4
_MAGIC_MASTER_KEY: Final = b"This is the MPPE Master Key"
_MAGIC_CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
_MAGIC_SERVER_SENDS = b"On the client side, this is the receive key; on the server side, it is the send key."
_SHS_PAD_1, _SHS_PAD_2 = bytes(40), b"\xf2" * 40
_PADDED_CLIENT_SENDS: Final = _SHS_PAD_1 + _MAGIC_CLIENT_SENDS + _SHS_PAD_2
_PADDED_SERVER_SENDS: Final = _SHS_PAD_1 + _MAGIC_SERVER_SENDS + _SHS_PAD_2

# About 250 octets each.
_MAX_CACHED_HASHES: Final = 65_536


def nt_password_hash(password: str) -> bytes:
    """MD4 of the password in UTF-16 little endian (RFC 2759 section 8.3). Stored instead of the password."""
    return md4(password.encode("utf-16-le", "surrogatepass"))


def hash_nt_password_hash(password_hash: bytes) -> bytes:
    """MD4 of the password hash (RFC 2759 section 8.4). Also the NT key of MS-CHAP-MPPE-Keys (RFC 2548 section
    2.4.1)."""
    return _derived(password_hash)[:16]


def challenge_hash(peer_challenge: bytes, authenticator_challenge: bytes, username: bytes) -> bytes:
    """The 8 octets both sides sign (RFC 2759 section 8.2). A Windows domain in the username is ignored."""
    name = username.rpartition(b"\\")[2]
    return _sha1(peer_challenge + authenticator_challenge + name)[:8]


def challenge_response(challenge: bytes, password_hash: bytes) -> bytes:
    """The 8-octet challenge encrypted with three DES keys from the padded hash (RFC 2759 section 8.5)."""
    return des_thrice(_derived(password_hash)[16:], challenge)


def response_is_right(challenge: bytes, nt_response: bytes, password_hash: bytes) -> bool:
    """Whether the response proves the password.

    Version 1 (RFC 2433 appendix A.4): `challenge` as it was sent. Version 2 (RFC 2759 section 8.1): the one
    of `challenge_hash`.
    """
    return hmac.compare_digest(challenge_response(challenge, password_hash), nt_response)


def authenticator_response(challenge: bytes, nt_response: bytes, password_hash: bytes) -> bytes:
    """`S=` and 40 hex digits that prove to the peer that we know its password, too (RFC 2759 section 8.7).

    `challenge` is the one of `challenge_hash`.
    """
    password_hash_hash = hash_nt_password_hash(password_hash)
    signed = _sha1(password_hash_hash + nt_response + _MAGIC_SERVER_TO_CLIENT)
    return b"S=" + hexlify(_sha1(signed + challenge + _MAGIC_PAD)).upper()


def mppe_master_key(password_hash: bytes, nt_response: bytes) -> bytes:
    """GetMasterKey of RFC 3079 section 3.4: 16 octets."""
    return _sha1(hash_nt_password_hash(password_hash) + nt_response + _MAGIC_MASTER_KEY)[:16]


def mppe_send_and_receive_keys(password_hash: bytes, nt_response: bytes) -> tuple[bytes, bytes]:
    """GetAsymmetricStartKey of RFC 3079 section 3.4: the 128-bit keys the NAS sends and receives with."""
    master_key = mppe_master_key(password_hash, nt_response)
    return _sha1(master_key + _PADDED_SERVER_SENDS)[:16], _sha1(master_key + _PADDED_CLIENT_SENDS)[:16]


def _sha1(octets: bytes) -> bytes:
    return sha1(octets, usedforsecurity=False).digest()


@lru_cache(maxsize=_MAX_CACHED_HASHES)
def _derived(password_hash: bytes) -> bytes:
    """What every login with this password hash needs: its hash (16 octets), three DES keys (8 each)."""
    return md4(password_hash) + _with_parity_bits(password_hash + bytes(5))


# Moves apart the halves, then the quarters, then the eighths of 56 bits: which bits move, which stay.
_MOVES: Final = tuple(
    tuple(int.from_bytes(3 * bytes.fromhex(mask), "big") for mask in masks)
    for masks in (
        ("00fffffff0000000", "000000000fffffff"),
        ("0fffc0000fffc000", "00003fff00003fff"),
        ("3f803f803f803f80", "007f007f007f007f"),
    )
)


def _with_parity_bits(keys: bytes) -> bytes:
    """Spread three keys of 7 octets over 8 octets each, with seven bits per octet.

    DES ignores the lowest bit of each octet, so it is left 0 instead of the parity.
    """
    bits = int.from_bytes(b"\0" + keys[:7] + b"\0" + keys[7:14] + b"\0" + keys[14:], "big")
    for (moved, staying), places in zip(_MOVES, (4, 2, 1), strict=True):
        bits = (bits & moved) << places | bits & staying
    return (bits << 1).to_bytes(24, "big")
