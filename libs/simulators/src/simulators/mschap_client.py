"""The subscriber's side of MS-CHAPv2 (RFC 2759, RFC 3079). It shares no code with the server, so that one
mistake cannot make both sides agree."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from Crypto.Cipher import DES
from Crypto.Hash import MD4

SIGNING = b"Magic server to client signing constant"
PADDING = b"Pad to make it do more than one iteration"
MASTER = b"This is the MPPE Master Key"
CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
CLIENT_RECEIVES = b"On the client side, this is the receive key; on the server side, it is the send key."


@dataclass(frozen=True)
class MsChap2Exchange:
    """One response to one challenge, and the values derived from it."""

    username: str
    password: str
    authenticator_challenge: bytes
    peer_challenge: bytes
    ident: int = 1

    @classmethod
    def begin(cls, username: str, password: str) -> MsChap2Exchange:
        return cls(username, password, os.urandom(16), os.urandom(16))

    def response_attribute(self) -> bytes:
        """The value of MS-CHAP2-Response: ident, flags, peer challenge, reserved, NT response."""
        return bytes((self.ident, 0)) + self.peer_challenge + bytes(8) + self.nt_response()

    def nt_response(self) -> bytes:
        key = self._password_hash().ljust(21, b"\0")
        thirds = (key[0:7], key[7:14], key[14:21])
        ciphers = [DES.new(_spread(third), DES.MODE_ECB) for third in thirds]  # noqa: S304 - RFC 2759 8.5
        return b"".join(cipher.encrypt(self._challenge()) for cipher in ciphers)

    def server_is_genuine(self, success: bytes) -> bool:
        """Whether the value of MS-CHAP2-Success proves that the server knows the password."""
        return success[:1] == bytes((self.ident,)) and success[1:43] == self._authenticator_response()

    def keys(self) -> tuple[bytes, bytes]:
        """The 128-bit keys this side encrypts with and decrypts with."""
        master = hashlib.sha1(self._password_hash_hash() + self.nt_response() + MASTER).digest()[:16]  # noqa: S324
        return _session_key(master, CLIENT_SENDS), _session_key(master, CLIENT_RECEIVES)

    def _challenge(self) -> bytes:
        sha = hashlib.sha1(self.peer_challenge)  # noqa: S324
        sha.update(self.authenticator_challenge)
        sha.update(self.username.encode())
        return sha.digest()[:8]

    def _authenticator_response(self) -> bytes:
        inner = hashlib.sha1(self._password_hash_hash() + self.nt_response() + SIGNING)  # noqa: S324
        outer = hashlib.sha1(inner.digest() + self._challenge() + PADDING)  # noqa: S324
        return f"S={outer.hexdigest().upper()}".encode()

    def _password_hash(self) -> bytes:
        return MD4.new(self.password.encode("utf-16-le")).digest()  # noqa: S303

    def _password_hash_hash(self) -> bytes:
        return MD4.new(self._password_hash()).digest()  # noqa: S303


def _session_key(master: bytes, magic: bytes) -> bytes:
    return hashlib.sha1(master + b"\x00" * 40 + magic + b"\xf2" * 40).digest()[:16]  # noqa: S324


def _spread(seven: bytes) -> bytes:
    """Seven octets as an eight-octet DES key: a parity bit after every seven bits."""
    bits = "".join(f"{octet:08b}" for octet in seven)
    return bytes(int(bits[start : start + 7] + "0", 2) for start in range(0, 56, 7))
