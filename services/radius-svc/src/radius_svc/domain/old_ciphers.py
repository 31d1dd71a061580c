"""Single DES and MD4. MS-CHAP needs them (RFC 2433, RFC 2759), and Python's standard library has neither.

OpenSSL's library has both, and Python has already loaded it. Called directly, encrypting a DES block with a
new key takes a sixth of the time it takes through `cryptography`, and MD4 a third of the time of
pycryptodome. These functions are deprecated in OpenSSL, so each is tested with a known answer first. If one
is missing or wrong, the packages are used instead.

Only one thread of a process may call these functions, because they share buffers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache

from Crypto.Hash import MD4
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

_LIBRARY = "libcrypto.so.3"
_DES_ENCRYPT = 1
_DES_KEY_SCHEDULE_OCTETS = 128
# About 1 kB each.
_MAX_CACHED_SCHEDULES = 12_288

# The usual test keys and block for DES (FIPS 46), and a test vector of RFC 1320 appendix A.5.
_DES_ANSWER = (
    bytes.fromhex("133457799BBCDFF10123456789ABCDEFFEDCBA9876543210"),
    bytes.fromhex("0123456789ABCDEF"),
    "85e813540f0ab40556cc09e7cfdc4cefed39d950fa74bcc4",
)
_MD4_ANSWER = (b"abc", "a448017aaf21d8525fc10ae87aa6729d")


_SCHEDULE = ctypes.create_string_buffer(_DES_KEY_SCHEDULE_OCTETS)
_RESULT = ctypes.create_string_buffer(24)
_DIGEST = ctypes.create_string_buffer(16)


def _des_of_openssl(library: ctypes.CDLL) -> Callable[[bytes, bytes], bytes]:
    set_key, encrypt = library.DES_set_key_unchecked, library.DES_ecb_encrypt
    set_key.argtypes, set_key.restype = (ctypes.c_char_p, ctypes.c_void_p), None
    encrypt.argtypes = (ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    encrypt.restype = None
    # Addresses, because ctypes would convert a buffer again in every call.
    schedule, at = ctypes.addressof(_SCHEDULE), ctypes.addressof(_RESULT)
    first, second, third = at, at + 8, at + 16

    def des_thrice(keys: bytes, block: bytes) -> bytes:
        set_key(keys[:8], schedule)
        encrypt(block, first, schedule, _DES_ENCRYPT)
        set_key(keys[8:16], schedule)
        encrypt(block, second, schedule, _DES_ENCRYPT)
        set_key(keys[16:], schedule)
        encrypt(block, third, schedule, _DES_ENCRYPT)
        return _RESULT.raw

    return des_thrice


def _md4_of_openssl(library: ctypes.CDLL) -> Callable[[bytes], bytes]:
    digest, at = library.MD4, ctypes.addressof(_DIGEST)
    digest.argtypes, digest.restype = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p), ctypes.c_void_p

    def md4(octets: bytes) -> bytes:
        digest(octets, len(octets), at)
        return _DIGEST.raw

    return md4


def _des_of_package(keys: bytes, block: bytes) -> bytes:
    return b"".join(_schedule(keys[at : at + 8])(block) for at in (0, 8, 16))


@lru_cache(maxsize=_MAX_CACHED_SCHEDULES)
def _schedule(key: bytes) -> Callable[[bytes], bytes]:
    """Triple DES with three equal keys is single DES."""
    encrypt: Callable[[bytes], bytes] = (
        Cipher(TripleDES(key * 3), modes.ECB()).encryptor().update  # noqa: S305 - what RFC 2759 asks for
    )
    return encrypt


def _md4_of_package(octets: bytes) -> bytes:
    return MD4.new(octets).digest()  # noqa: S303 - what RFC 2759 asks for


def _choose() -> tuple[Callable[[bytes, bytes], bytes], Callable[[bytes], bytes]]:
    try:
        # PyDLL keeps the interpreter's lock, because the calls are shorter than releasing it.
        library = ctypes.PyDLL(_LIBRARY)
        des_thrice, md4 = _des_of_openssl(library), _md4_of_openssl(library)
        keys, block, encrypted = _DES_ANSWER
        octets, digest = _MD4_ANSWER
        if des_thrice(keys, block).hex() == encrypted and md4(octets).hex() == digest:
            return des_thrice, md4
    except (OSError, AttributeError):
        pass  # another system, or a version without them
    return _des_of_package, _md4_of_package


# des_thrice(keys, block): the block of 8 octets encrypted with each of three keys of 8 octets. The lowest
# bit of each octet of a key does not matter. md4(octets): the digest.
des_thrice, md4 = _choose()
