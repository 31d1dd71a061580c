"""A narrow, strict RADIUS codec for the packets this server answers (RFC 2865, 2866, 2869, 5997, 2548).

Decoding raises Malformed for anything a sender must not send. Such a packet is dropped, without guessing what
was meant. Values are `bytes`; texts are decoded only when they are needed.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable
from socket import inet_ntoa
from struct import Struct
from typing import Final, cast

from radius_svc.protocol.signing import SharedSecret, md5

ACCESS_REQUEST: Final = 1
ACCESS_ACCEPT: Final = 2
ACCESS_REJECT: Final = 3
ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
STATUS_SERVER: Final = 12

USER_NAME: Final = 1
USER_PASSWORD: Final = 2
CHAP_PASSWORD: Final = 3
NAS_IP_ADDRESS: Final = 4
NAS_PORT: Final = 5
SERVICE_TYPE: Final = 6
FRAMED_PROTOCOL: Final = 7
FRAMED_IP_ADDRESS: Final = 8
CLASS: Final = 25
VENDOR_SPECIFIC: Final = 26
CALLED_STATION_ID: Final = 30
CALLING_STATION_ID: Final = 31
NAS_IDENTIFIER: Final = 32
PROXY_STATE: Final = 33
ACCT_STATUS_TYPE: Final = 40
ACCT_DELAY_TIME: Final = 41
ACCT_INPUT_OCTETS: Final = 42
ACCT_OUTPUT_OCTETS: Final = 43
ACCT_SESSION_ID: Final = 44
ACCT_AUTHENTIC: Final = 45
ACCT_SESSION_TIME: Final = 46
ACCT_TERMINATE_CAUSE: Final = 49
ACCT_INPUT_GIGAWORDS: Final = 52
ACCT_OUTPUT_GIGAWORDS: Final = 53
CHAP_CHALLENGE: Final = 60
NAS_PORT_TYPE: Final = 61
CONNECT_INFO: Final = 77
MESSAGE_AUTHENTICATOR: Final = 80
NAS_PORT_ID: Final = 87
NAS_IPV6_ADDRESS: Final = 95
FRAMED_INTERFACE_ID: Final = 96
FRAMED_IPV6_PREFIX: Final = 97
DELEGATED_IPV6_PREFIX: Final = 123
FRAMED_IPV6_ADDRESS: Final = 168

MICROSOFT: Final = 311
MIKROTIK: Final = 14988
MS_CHAP_RESPONSE: Final = 1
MS_CHAP_ERROR: Final = 2
MS_MPPE_ENCRYPTION_POLICY: Final = 7
MS_MPPE_ENCRYPTION_TYPES: Final = 8
MS_CHAP_CHALLENGE: Final = 11
MS_CHAP_MPPE_KEYS: Final = 12
MS_MPPE_SEND_KEY: Final = 16
MS_MPPE_RECV_KEY: Final = 17
MS_CHAP2_RESPONSE: Final = 25
MS_CHAP2_SUCCESS: Final = 26

MAXIMUM_LENGTH: Final = 4096
_HEADER_LENGTH: Final = 20
_MAXIMUM_VALUE: Final = 253
_MAXIMUM_VENDOR_VALUE: Final = 247
_AUTHENTICATOR_LENGTH: Final = 16
_NO_AUTHENTICATOR: Final = bytes(_AUTHENTICATOR_LENGTH)
_HEADER: Final = Struct("!BBH")
_INTEGER: Final = Struct("!L")
_VENDOR_HEADER: Final = Struct("!BBLBB")
_KNOWN_VENDORS: Final = {vendor.to_bytes(4, "big"): vendor for vendor in (MICROSOFT, MIKROTIK)}
_LIKE_AN_ESCAPE: Final = re.compile(rb"\\(?=x[0-9a-f]{2})")
_ESCAPE: Final = re.compile(rb"\\x([0-9a-f]{2})")
_NOT_PLAIN: Final = frozenset((VENDOR_SPECIFIC, PROXY_STATE, MESSAGE_AUTHENTICATOR))


class Malformed(ValueError):
    """The packet violates its RFC. The message is a fixed text, so it can be a metric label."""


class Request:
    """A decoded request. If an attribute is sent more than once, the first one counts (Proxy-State: all).

    `is_signed`: it has a Message-Authenticator, right or wrong.
    """

    __slots__ = (
        "_signature_at",
        "attributes",
        "authenticator",
        "code",
        "identifier",
        "is_signed",
        "octets",
        "proxy_states",
        "vendor_attributes",
    )

    attributes: dict[int, bytes]
    vendor_attributes: dict[tuple[int, int], bytes]
    proxy_states: list[bytes]

    def __init__(self, octets: bytes) -> None:
        """Decode a packet.

        Octets after the length in the header are padding (RFC 2865 section 3). Raises Malformed.
        """
        if len(octets) < _HEADER_LENGTH:
            raise Malformed("short packet")
        self.code, self.identifier, length = _HEADER.unpack_from(octets)
        if not _HEADER_LENGTH <= length <= min(len(octets), MAXIMUM_LENGTH):
            raise Malformed("bad length")
        if length != len(octets):
            octets = octets[:length]
        self.octets = octets
        self.authenticator = octets[4:20]
        self.attributes = attributes = {}
        self.vendor_attributes = {}
        self.proxy_states = []
        self._signature_at = 0
        self.is_signed = False
        at = _HEADER_LENGTH
        try:
            while at < length:
                kind, size = octets[at], octets[at + 1]
                following = at + size
                if size < 2 or following > length:
                    raise Malformed("bad attribute length")
                if kind in _NOT_PLAIN:
                    self._decode_special(kind, at, following)
                elif kind not in attributes:
                    attributes[kind] = octets[at + 2 : following]
                at = following
        except IndexError:  # a single octet is left: it has no length
            raise Malformed("bad attribute length") from None

    def _decode_special(self, kind: int, at: int, following: int) -> None:
        if kind == VENDOR_SPECIFIC:
            self._decode_vendor_attributes(at + 2, following)
        elif kind == PROXY_STATE:
            self.proxy_states.append(self.octets[at + 2 : following])
        else:
            if following - at != 18 or self._signature_at:
                raise Malformed("bad message authenticator")
            self._signature_at = at + 2
            self.is_signed = True

    def _decode_vendor_attributes(self, at: int, end: int) -> None:
        """Decode a Vendor-Specific attribute (RFC 2865 section 5.26).

        Unknown vendors are skipped, because they may use another format.
        """
        octets = self.octets
        if end - at < 4:
            raise Malformed("bad vendor attribute")
        vendor = _KNOWN_VENDORS.get(octets[at : at + 4])
        if vendor is None:
            return
        at += 4
        while at < end:
            size = octets[at + 1] if at + 1 < end else 0
            following = at + size
            if size < 2 or following > end:
                raise Malformed("bad vendor attribute")
            key = (vendor, octets[at])
            if key not in self.vendor_attributes:
                self.vendor_attributes[key] = octets[at + 2 : following]
            at = following

    def integer(self, kind: int) -> int | None:
        """A 32-bit unsigned attribute; None if missing. Raises Malformed if it does not have 4 octets."""
        value = self.attributes.get(kind)
        if value is None:
            return None
        if len(value) != 4:
            raise Malformed("bad integer")
        return cast(int, _INTEGER.unpack(value)[0])

    def check_integers(self, kinds: Iterable[int]) -> None:
        """Raises Malformed if one of these attributes is present and not an integer."""
        for kind in kinds:
            if kind in self.attributes and len(self.attributes[kind]) != 4:
                raise Malformed("bad integer")

    def address(self, kind: int) -> str | None:
        """An IPv4 or IPv6 address; None if missing. Raises Malformed if it does not have 4 or 16 octets."""
        value = self.attributes.get(kind)
        if value is None:
            return None
        if len(value) == 4:
            return inet_ntoa(value)
        if len(value) == 16:
            return str(ipaddress.IPv6Address(value))
        raise Malformed("bad address")

    def ipv6_prefix(self, kind: int) -> str | None:
        """An IPv6 prefix: a reserved octet, the length in bits, up to 16 octets (RFC 3162 section 2.3).

        None if missing. Raises Malformed.
        """
        value = self.attributes.get(kind)
        if value is None:
            return None
        if not 2 <= len(value) <= 18 or value[1] > 128:
            raise Malformed("bad prefix")
        network = ipaddress.IPv6Network((value[2:].ljust(16, b"\0"), value[1]), strict=False)
        return str(network)

    def text(self, kind: int) -> str | None:
        """A text that the database can store, see `readable`; None if missing."""
        value = self.attributes.get(kind)
        return None if value is None else readable(value)

    def signature_is_right(self, secret: SharedSecret) -> bool:
        """Whether the Message-Authenticator is right; False if there is none.

        RFC 3579 section 3.2, RFC 5997 section 3; for accounting as in RFC 5176 section 3.3.
        """
        at = self._signature_at
        if not at:
            return False
        octets, after = self.octets, at + _AUTHENTICATOR_LENGTH
        signed = octets[:at] + _NO_AUTHENTICATOR + octets[after:]
        if self.code == ACCOUNTING_REQUEST:
            signed = signed[:4] + _NO_AUTHENTICATOR + signed[20:]
        return hmac.compare_digest(secret.hmac_md5(signed), octets[at:after])

    def accounting_authenticator_is_right(self, secret: SharedSecret) -> bool:
        """Whether the authenticator is the MD5 of the packet with zeros in its place (RFC 2866 section 3)."""
        octets = self.octets
        expected = md5(octets[:4] + _NO_AUTHENTICATOR + octets[20:] + secret.octets).digest()
        return hmac.compare_digest(expected, self.authenticator)

    def decrypted_password(self, secret: SharedSecret) -> bytes:
        """The User-Password without its padding (RFC 2865 section 5.2).

        Raises Malformed for a wrong length.
        """
        hidden = self.attributes[USER_PASSWORD]
        if not 16 <= len(hidden) <= 128 or len(hidden) % 16:
            raise Malformed("bad password length")
        return secret.reveal(hidden, self.authenticator).rstrip(b"\0")


def readable(octets: bytes) -> str:
    """A text that the database can store. Octets that are not UTF-8, and NUL, become escapes like `\\xff`.

    `octets_of` turns the text into the same octets again.
    """
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        pass
    else:
        if text.isprintable() and "\\" not in text:
            return text
    if b"\\x" in octets:  # a backslash from the packet would look like our escape
        octets = _LIKE_AN_ESCAPE.sub(rb"\\x5c", octets)
    return octets.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def octets_of(text: str) -> bytes:
    """The reverse of `readable`."""
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())


def attribute(kind: int, value: bytes) -> bytes:
    """The octets of one attribute. Raises ValueError if the value is too long."""
    if len(value) > _MAXIMUM_VALUE:
        raise ValueError(f"attribute {kind} is longer than {_MAXIMUM_VALUE} octets")
    return bytes((kind, len(value) + 2)) + value


def vendor_attribute(vendor: int, kind: int, value: bytes) -> bytes:
    """The octets of one Vendor-Specific attribute. Raises ValueError if the value is too long."""
    if len(value) > _MAXIMUM_VENDOR_VALUE:
        raise ValueError(f"attribute {vendor}/{kind} is longer than {_MAXIMUM_VENDOR_VALUE} octets")
    return _VENDOR_HEADER.pack(VENDOR_SPECIFIC, len(value) + 8, vendor, kind, len(value) + 2) + value


def signed_reply(request: Request, code: int, attributes: bytes, secret: SharedSecret) -> bytes:
    """An answer with the Message-Authenticator as its first attribute.

    It must come first because it does not protect if it follows octets that an attacker chose
    (CVE-2024-3596). Raises Malformed if the request had more Proxy-States than fit into an answer.
    """
    tail = attributes + _echoed(request.proxy_states)
    length = _HEADER_LENGTH + 18 + len(tail)
    if length > MAXIMUM_LENGTH:
        raise Malformed("no room for the answer")
    header = _HEADER.pack(code, request.identifier, length)
    unsigned = b"".join((header, request.authenticator, b"\x50\x12", _NO_AUTHENTICATOR, tail))
    signed = b"\x50\x12" + secret.hmac_md5(unsigned) + tail
    return header + md5(header + request.authenticator + signed + secret.octets).digest() + signed


def accounting_response(request: Request, secret: SharedSecret) -> bytes:
    """An answer with nothing but the Proxy-States (RFC 2866 section 4.2)."""
    tail = _echoed(request.proxy_states)
    header = _HEADER.pack(ACCOUNTING_RESPONSE, request.identifier, _HEADER_LENGTH + len(tail))
    return header + md5(header + request.authenticator + tail + secret.octets).digest() + tail


def _echoed(proxy_states: Iterable[bytes]) -> bytes:
    return b"".join([attribute(PROXY_STATE, value) for value in proxy_states]) if proxy_states else b""
