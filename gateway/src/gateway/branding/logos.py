"""Whether a file can be the ISP's logo. Only its content counts, not its name or declared type."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

PNG, SVG = "image/png", "image/svg+xml"
MAX_OCTETS = 2_000_000
MIN_PIXELS, MAX_PIXELS = 128, 4096
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SVG_ROOT = "http://www.w3.org/2000/svg svg"
ACTIVE_ELEMENTS = {"script", "foreignobject", "iframe", "handler", "listener"}
HREF = ("href", "http://www.w3.org/1999/xlink href")
# A reference in any attribute: #a, url(#a), url("#a") in a style. A color matches, but no element has its id.
REFERENCE = re.compile(r"""#([^\s"'();,]+)""")
# Elements that show something, and how its address begins if it is in the same file.
EMBEDDED = {"image": "data:", "use": "#"}
# Elements plus references. Rendering 2,000 elements in the PDF of an invoice takes a second.
MAX_DRAWN = 20_000


class UnusableLogo(ValueError):
    """The message says what is wrong and what to do."""


def type_of(content: bytes) -> str:
    """PNG or SVG. Raises UnusableLogo."""
    if len(content) > MAX_OCTETS:
        raise UnusableLogo("must be at most 2 MB")
    if content.startswith(PNG_SIGNATURE):
        _check_png(content)
        return PNG
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _check_svg(content)
        return SVG
    raise UnusableLogo("must be a PNG or SVG file")


def _check_png(content: bytes) -> None:
    names = list(_png_chunks(content))
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or b"IDAT" not in names:
        raise UnusableLogo("is a damaged PNG file; export the logo again")
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    if min(width, height) < MIN_PIXELS:
        raise UnusableLogo(
            f"must be at least {MIN_PIXELS} x {MIN_PIXELS} pixels; this PNG is {width} x {height}"
        )
    if max(width, height) > MAX_PIXELS:
        raise UnusableLogo(
            f"must be at most {MAX_PIXELS} x {MAX_PIXELS} pixels; this PNG is {width} x {height}"
        )


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


@dataclass(frozen=True)
class _Part:
    """A part of a drawing: its number of elements, and the range of its references in the list of all."""

    elements: int
    first: int
    end: int


class _Drawing:
    """Reads an SVG file. Its handlers raise UnusableLogo; so does `check_size`, once everything is read."""

    def __init__(self) -> None:
        self.root = ""
        self._elements = 0
        self._references: list[str] = []
        self._open: list[tuple[str, int, int]] = []  # id, and how many elements and references came before it
        self._parts: dict[str, _Part] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        plain_name = name.rpartition(" ")[2].lower()
        handlers = [key for key in attributes if key.lower().startswith("on")]
        if plain_name in ACTIVE_ELEMENTS or handlers:
            raise UnusableLogo("contains a script; save it as a plain SVG drawing")
        # The file's own name counts as another file too: it would be drawn inside itself endlessly.
        hrefs = [attributes[key].strip() for key in HREF if key in attributes]
        embedded = EMBEDDED.get(plain_name)
        if embedded is not None and not all(href.startswith(embedded) for href in hrefs):
            raise UnusableLogo("links to another file; save it with all images embedded")
        self._open.append((attributes.get("id", ""), self._elements, len(self._references)))
        self._elements += 1
        self._references += [name for text in attributes.values() for name in REFERENCE.findall(text)]

    def end(self, _name: str) -> None:
        name, elements, first = self._open.pop()
        if name:
            part = _Part(self._elements - elements, first, len(self._references))
            self._parts.setdefault(name, part)

    def entity(self, *_parts: object) -> None:
        raise UnusableLogo("defines entities; save it as a plain SVG drawing")

    def check_size(self) -> None:
        """A few lines can draw a million elements, because each level of <use> multiplies those below it."""
        waiting, drawn = [_Part(self._elements, 0, len(self._references))], 0
        while waiting:
            part = waiting.pop()
            drawn += part.elements + part.end - part.first
            if drawn > MAX_DRAWN:
                raise UnusableLogo("is too complex; use a simpler drawing or a PNG")
            names = self._references[part.first : part.end]
            waiting += [self._parts[name] for name in names if name in self._parts]


def _check_svg(content: bytes) -> None:
    """Accept only harmless drawings: subscribers see the logo, and every invoice contains it."""
    drawing, parser = _Drawing(), expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = drawing.start, drawing.end
    parser.EntityDeclHandler = drawing.entity
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UnusableLogo(f"must be a PNG file or a readable SVG file ({error})") from None
    if drawing.root != SVG_ROOT:
        raise UnusableLogo("must be an SVG drawing or a PNG")
    drawing.check_size()
