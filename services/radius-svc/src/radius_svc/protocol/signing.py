"""The shared secret of a NAS: signing and hiding values with it (RFC 2104, 2865, 2866, 2869, 2548)."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Final


def _cheapest_md5() -> Callable[[bytes], Any]:
    """CPython's own MD5 takes half the time of OpenSSL's for such short inputs.

    Some builds do not have it.
    """
    try:
        from _md5 import md5
    except ImportError:
        return partial(hashlib.md5, usedforsecurity=False)
    return md5


md5: Final = _cheapest_md5()

_BLOCK: Final = 64
_BLOCK_OF_HIDING: Final = 16
_INNER: Final = bytes([octet ^ 0x36 for octet in range(256)])
_OUTER: Final = bytes([octet ^ 0x5C for octet in range(256)])


class SharedSecret:
    """A secret with the HMAC key schedule prepared, so that a packet takes two digests and no set-up."""

    __slots__ = ("_inner", "_outer", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        key = (octets if len(octets) <= _BLOCK else md5(octets).digest()).ljust(_BLOCK, b"\0")
        self._inner = md5(key.translate(_INNER))
        self._outer = md5(key.translate(_OUTER))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharedSecret) and hmac.compare_digest(self.octets, other.octets)

    def __hash__(self) -> int:
        return hash(self.octets)

    def hmac_md5(self, octets: bytes) -> bytes:
        """HMAC-MD5 (RFC 2104), for Message-Authenticators (RFC 2869 section 5.14)."""
        inner = self._inner.copy()
        inner.update(octets)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def hide(self, plain: bytes, vector: bytes) -> bytes:
        """Hide a value (RFC 2865 section 5.2, RFC 2548 section 2.4).

        `plain` must be a multiple of 16 octets.
        """
        hidden = b""
        for at in range(0, len(plain), 16):
            vector = _exclusive_or(plain[at : at + 16], md5(self.octets + vector).digest())
            hidden += vector
        return hidden

    def reveal(self, hidden: bytes, vector: bytes) -> bytes:
        """The reverse of `hide`."""
        plain = b""
        for at in range(0, len(hidden), 16):
            block = hidden[at : at + 16]
            plain += _exclusive_or(block, md5(self.octets + vector).digest())
            vector = block
        return plain

    def hidden_key(self, key: bytes, salt: bytes, request_authenticator: bytes) -> bytes:
        """The value of an MS-MPPE key attribute, including the salt (RFC 2548 section 2.4.2).

        `salt` has two octets, the first with its highest bit set, and differs for each attribute of a packet.
        """
        if len(key) != _BLOCK_OF_HIDING:
            plain = bytes((len(key),)) + key
            return salt + self.hide(plain + bytes(-len(plain) % 16), request_authenticator + salt)
        # MS-CHAPv2 needs this twice per login, so it is unrolled: the length and 15 octets, then the last one
        # and zeros.
        first = _exclusive_or(b"\x10" + key[:15], md5(self.octets + request_authenticator + salt).digest())
        pad = md5(self.octets + first).digest()
        return b"".join((salt, first, bytes((key[15] ^ pad[0],)), pad[1:]))

    def hidden_keys(self, keys: bytes, request_authenticator: bytes) -> bytes:
        """The value of MS-CHAP-MPPE-Keys: 24 octets padded to 32, then hidden (RFC 2548 section 2.4.1)."""
        return self.hide(keys + bytes(-len(keys) % 16), request_authenticator)


# RFC 2548 section 2.4.2: salts must differ within a packet. These also differ from those of earlier packets
# and start at a random number.
_salts: Final = count(int.from_bytes(os.urandom(2), "big"))


def two_salts() -> tuple[bytes, bytes]:
    """Different salts for the two keys of a packet."""
    number = next(_salts) << 1 & 0x7FFE | 0x8000
    return number.to_bytes(2, "big"), (number | 1).to_bytes(2, "big")


def _exclusive_or(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(16, "big")
