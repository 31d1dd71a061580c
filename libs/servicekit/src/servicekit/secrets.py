"""Encryption of the few secrets that must be read again: AES-256-GCM, bound to what they belong to."""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_OCTETS = 12


class DecryptionFailed(ValueError):
    """The token was made with another key or for another owner, or was changed."""


class FieldCipher:
    """Encrypts single fields. The associated data (the owner's id) keeps a token from being moved."""

    def __init__(self, key: str) -> None:
        """`key` is 32 octets in URL-safe base64. Raises ValueError if it is anything else."""
        try:
            octets = _decode(key)
        except (binascii.Error, ValueError) as error:
            raise ValueError("the encryption key is not base64") from error
        if len(octets) != 32:
            raise ValueError(f"the encryption key must be 32 octets, it has {len(octets)}")
        self._cipher = AESGCM(octets)

    def encrypt(self, text: str, aad: str) -> str:
        nonce = os.urandom(NONCE_OCTETS)
        sealed = self._cipher.encrypt(nonce, text.encode(), aad.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def decrypt(self, token: str, aad: str) -> str:
        """Raises DecryptionFailed."""
        try:
            octets = _decode(token)
            nonce, sealed = octets[:NONCE_OCTETS], octets[NONCE_OCTETS:]
            return self._cipher.decrypt(nonce, sealed, aad.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(f"cannot decrypt a field of {aad}") from error


def _decode(text: str) -> bytes:
    """Strict: Python's own decoder skips what is not base64, so that a mangled key would do for another."""
    return base64.b64decode(text, altchars=b"-_", validate=True)


def new_key() -> str:
    """A fresh key in the form FieldCipher takes."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
