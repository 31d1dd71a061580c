"""Encryption of the few secrets that must be readable later: AES-256-GCM, bound to their owner."""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


class DecryptionFailed(ValueError):
    """The token was made with another key or for another owner, or it was changed."""


class FieldCipher:
    """Encrypts single fields. `aad`, the owner's id, prevents a token from being moved to another owner."""

    def __init__(self, key: str) -> None:
        """`key` is 32 bytes in URL-safe base64. Raises ValueError if it is anything else."""
        try:
            raw = _decode(key)
        except (binascii.Error, ValueError) as error:
            raise ValueError("the encryption key is not base64") from error
        if len(raw) != KEY_BYTES:
            raise ValueError(f"the encryption key must be {KEY_BYTES} bytes, but it is {len(raw)}")
        self._cipher = AESGCM(raw)

    def encrypt(self, text: str, aad: str) -> str:
        """A token that only `decrypt` with the same key and `aad` can read."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), aad.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def decrypt(self, token: str, aad: str) -> str:
        """The text in a token. Raises DecryptionFailed if the key or the owner is another."""
        try:
            raw = _decode(token)
            nonce, sealed = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
            return self._cipher.decrypt(nonce, sealed, aad.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(f"cannot decrypt a field of {aad}") from error


def _decode(text: str) -> bytes:
    """Strict: by default Python skips characters that are not base64, so a mangled key could be accepted."""
    return base64.b64decode(text, altchars=b"-_", validate=True)


def new_key() -> str:
    """A new random key, as FieldCipher takes it."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()
