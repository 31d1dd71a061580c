"""Single DES and MD4, which MS-CHAP is made of (RFC 2433, RFC 2759) and Python's own modules no longer give.

OpenSSL's library has both, and Python has it loaded already: called directly, a DES block with a new key
costs a sixth of what it costs through `cryptography`, and MD4 a third of pycryptodome's. These functions are
deprecated there, so each is tried by a known answer first, and where one is missing the packages do it.

Only one thread of a process may call them: they share their buffers.
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
_MD4_CONTEXT_OCTETS = 92
# About 1 kB each.
_KEPT_SCHEDULES = 12_288

# FIPS 46 by the key and block everybody tries, and RFC 1320 A.5.
_DES_ANSWER = (bytes.fromhex("133457799BBCDFF1"), bytes.fromhex("0123456789ABCDEF"), "85e813540f0ab405")
_MD4_ANSWER = (b"abc", "a448017aaf21d8525fc10ae87aa6729d")


def _des_of_openssl(library: ctypes.CDLL) -> Callable[[bytes, bytes], bytes]:
    set_key, encrypt = library.DES_set_key_unchecked, library.DES_ecb_encrypt
    set_key.argtypes, set_key.restype = (ctypes.c_char_p, ctypes.c_void_p), None
    encrypt.argtypes = (ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    encrypt.restype = None
    schedule, result = ctypes.create_string_buffer(_DES_KEY_SCHEDULE_OCTETS), ctypes.create_string_buffer(8)

    def des(key: bytes, block: bytes) -> bytes:
        set_key(key, schedule)
        encrypt(block, result, schedule, _DES_ENCRYPT)
        return result.raw

    return des


def _md4_of_openssl(library: ctypes.CDLL) -> Callable[[bytes], bytes]:
    begin, add, end = library.MD4_Init, library.MD4_Update, library.MD4_Final
    begin.argtypes = (ctypes.c_void_p,)
    add.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
    end.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    context, result = ctypes.create_string_buffer(_MD4_CONTEXT_OCTETS), ctypes.create_string_buffer(16)

    def md4(octets: bytes) -> bytes:
        begin(context)
        add(context, octets, len(octets))
        end(result, context)
        return result.raw

    return md4


def _des_of_package(key: bytes, block: bytes) -> bytes:
    return _schedule(key)(block)


@lru_cache(maxsize=_KEPT_SCHEDULES)
def _schedule(key: bytes) -> Callable[[bytes], bytes]:
    """Three equal keys make triple DES the single one."""
    encrypt: Callable[[bytes], bytes] = (
        Cipher(TripleDES(key * 3), modes.ECB()).encryptor().update  # noqa: S305 - what RFC 2759 asks for
    )
    return encrypt


def _md4_of_package(octets: bytes) -> bytes:
    return MD4.new(octets).digest()  # noqa: S303 - what RFC 2759 asks for


def _choose() -> tuple[Callable[[bytes, bytes], bytes], Callable[[bytes], bytes]]:
    try:
        # It keeps the interpreter's lock: the calls are shorter than letting it go.
        library = ctypes.PyDLL(_LIBRARY)
        des, md4 = _des_of_openssl(library), _md4_of_openssl(library)
        key, block, encrypted = _DES_ANSWER
        octets, digest = _MD4_ANSWER
        if des(key, block).hex() == encrypted and md4(octets).hex() == digest:
            return des, md4
    except (OSError, AttributeError):
        pass  # another system, or a version without them
    return _des_of_package, _md4_of_package


# des(key, block) with 8 octets each, of the key the lowest bits do not matter. md4(octets).
des, md4 = _choose()
