"""HTML to PDF with WeasyPrint. Only the worker imports this: it takes half a second and 60 MB.

Importing raises OSError or ImportError when a library is missing.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

FONT = Path(__file__).parent.parent / "static/vendor/inter/inter-subset.woff2"
FONT_STYLE = '@font-face { font-family: "Inter"; src: url("isp:inter"); font-weight: 400 700; }'

NO_GLYPH = ".notdef glyph"  # the beginning of WeasyPrint's warning; it has the character in quotes


class MissingCharacters(logging.Handler):
    """Collects the characters that no installed font has, from WeasyPrint's warnings. It logs nothing."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith(NO_GLYPH):
            self.found.update(re.findall('"(.)"', record.getMessage()))


class Fetcher(URLFetcher):
    """Serves the given files as isp:<name>, and nothing from the network or the disk."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(allowed_protocols=())
        self._files = files

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:  # noqa: ARG002
        scheme, _, name = url.partition(":")
        if scheme != "isp" or name not in self._files:
            raise ValueError("nothing is fetched from elsewhere")
        return URLFetcherResponse(url, self._files[name])


class Maker:
    """WeasyPrint with our typeface, loaded once."""

    def __init__(self) -> None:
        self._fonts = FontConfiguration()
        fetcher = Fetcher({"inter": FONT.read_bytes()})
        self._missing = MissingCharacters()
        logger = logging.getLogger("weasyprint")
        logger.addHandler(self._missing)
        logger.propagate = False
        self._style = weasyprint.CSS(string=FONT_STYLE, font_config=self._fonts, url_fetcher=fetcher)

    def make(self, html: str, files: dict[str, bytes]) -> tuple[bytes, str]:
        """The PDF file, and the characters it cannot show because no installed font has them."""
        self._missing.found.clear()
        document = weasyprint.HTML(string=html, url_fetcher=Fetcher(files))
        content = document.write_pdf(stylesheets=[self._style], font_config=self._fonts)
        return content, "".join(sorted(self._missing.found))
