"""Static files and compression. Files are read and compressed once; browsers load each version once."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

import brotli
from flask import Flask, Response, request, url_for
from flask_compress import Compress
from werkzeug.exceptions import NotFound

from gateway.http.access import Permission, needs

FOLDER = Path(__file__).parent.parent / "static"
FOR_GOOD = "public, max-age=31536000, immutable"
ENDPOINT = "static"
TEXT = ("text/", "image/svg+xml", "application/json")


def register(app: Flask) -> None:
    # Pages are compressed too. The BREACH attack does not apply although they contain a CSRF token and echo a
    # search: the cookie is SameSite=Lax, so another site cannot request them repeatedly as an operator.
    app.config.update(COMPRESS_ALGORITHM=["br", "gzip"], COMPRESS_BR_LEVEL=4, COMPRESS_LEVEL=5)
    Compress(app)
    app.add_url_rule("/static/<path:filename>", ENDPOINT, needs(Permission.PUBLIC)(serve))
    app.add_template_global(static_url)


def static_url(filename: str) -> str:
    """The address of a static file. It changes whenever the content does."""
    return url_for(ENDPOINT, filename=filename, v=version(filename))


def serve(filename: str) -> Response:
    """A static file. Raises NotFound."""
    if filename not in _inventory():
        raise NotFound("there is no such file")
    mimetype = _mimetype(filename)
    encoding = _encoding() if mimetype.startswith(TEXT) else ""
    response = Response(_body(filename, encoding), mimetype=mimetype)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Cache-Control"] = FOR_GOOD if request.args.get("v") == version(filename) else "no-cache"
    response.headers["Vary"] = "Accept-Encoding"
    response.set_etag(f"{version(filename)}{encoding}")
    response.make_conditional(request)
    return response


@cache
def version(filename: str) -> str:
    return hashlib.sha256(_body(filename, "")).hexdigest()[:12]


@cache
def _inventory() -> frozenset[str]:
    """Each file by its only valid name: a cache would store `x/../app.css` as a separate file."""
    return frozenset(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())


@cache
def _body(filename: str, encoding: str) -> bytes:
    body = (FOLDER / filename).read_bytes()
    if encoding == "br":
        return brotli.compress(body, quality=9)
    return gzip.compress(body, 9) if encoding == "gzip" else body


def _encoding() -> str:
    return next((name for name in ("br", "gzip") if request.accept_encodings[name] > 0), "")


def _mimetype(filename: str) -> str:
    if filename.endswith(".woff2"):
        return "font/woff2"
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"
