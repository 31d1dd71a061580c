"""Whether a file can be the ISP's logo. Its content decides, never its name or what the browser calls it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from xml.parsers import expat

PNG, SVG = "image/png", "image/svg+xml"
MAX_OCTETS = 2_000_000
LEAST_PIXELS, MOST_PIXELS = 128, 4096
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SVG_ROOT = "http://www.w3.org/2000/svg svg"
ACTIVE_ELEMENTS = {"script", "foreignobject", "iframe", "handler", "listener"}


class UnusableLogo(ValueError):
    """The message says what is wrong and what to do."""


def type_of(content: bytes) -> str:
    """PNG or SVG. Raises UnusableLogo."""
    if len(content) > MAX_OCTETS:
        raise UnusableLogo("is larger than 2 MB; choose a smaller file")
    if content.startswith(PNG_SIGNATURE):
        _check_png(content)
        return PNG
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _check_svg(content)
        return SVG
    raise UnusableLogo("is neither PNG nor SVG; save the logo as one of these")


def _check_png(content: bytes) -> None:
    names = list(_png_chunks(content))
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or b"IDAT" not in names:
        raise UnusableLogo("is a damaged PNG file; save the logo again")
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    if min(width, height) < LEAST_PIXELS:
        raise UnusableLogo(
            f"is {width} x {height} pixels; a PNG has at least {LEAST_PIXELS} x {LEAST_PIXELS}"
        )
    if max(width, height) > MOST_PIXELS:
        raise UnusableLogo(f"is {width} x {height} pixels; a PNG has at most {MOST_PIXELS} x {MOST_PIXELS}")


def _png_chunks(content: bytes) -> Iterator[bytes]:
    """The names of the chunks up to IEND, or up to where the file is damaged."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        end = at + 8 + length
        if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            return
        name = content[at + 4 : at + 8]
        yield name
        if name == b"IEND":
            return
        at = end + 4


def _check_svg(content: bytes) -> None:
    """Only harmless drawings: it is shown to subscribers, and put into every invoice."""
    parser = expat.ParserCreate(namespace_separator=" ")
    elements: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        elements.append(name)
        handlers = [key for key in attributes if key.lower().startswith("on")]
        if name.rpartition(" ")[2].lower() in ACTIVE_ELEMENTS or handlers:
            raise UnusableLogo("contains a program (script); save it as a plain SVG drawing")

    def entity(*_parts: object) -> None:
        raise UnusableLogo("defines entities; save it as a plain SVG drawing")

    parser.StartElementHandler = start
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UnusableLogo(f"is neither PNG nor a readable SVG file ({error})") from None
    if elements[0] != SVG_ROOT:
        raise UnusableLogo("is not an SVG drawing; save the logo as PNG or SVG")
