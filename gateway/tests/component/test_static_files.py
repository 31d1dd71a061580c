"""Static files and compression, as seen by a browser."""

import gzip
import re

import brotli
import pytest

FILES = (
    "app.css",
    "app.js",
    "charts.js",
    "theme.js",
    "vendor/tabler/tabler.min.css",
    "vendor/htmx/htmx.min.js",
)


def addresses(page):
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', page)


def test_files_named_by_a_page_exist_and_are_cached_forever(app):
    client = app.test_client()
    named = addresses(client.get("/login").text)
    assert len(named) >= 6
    for address in named:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("filename", FILES)
@pytest.mark.parametrize(("encoding", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_compressed_file_has_the_same_content(app, filename, encoding, unpack):
    client = app.test_client()
    plain = client.get(f"/static/{filename}")
    packed = client.get(f"/static/{filename}", headers={"Accept-Encoding": encoding})
    assert packed.headers["Content-Encoding"] == encoding
    assert len(packed.data) < len(plain.data)
    assert unpack(packed.data) == plain.data


def test_file_of_another_version_is_not_cached(app):
    client = app.test_client()
    answer = client.get("/static/app.css?v=older")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/app.css?v=older", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "filename", ["../app.py", "%2e%2e/app.py", "vendor/../../app.py", "nothing.css", "vendor"]
)
def test_only_static_files_are_served(app, filename):
    assert app.test_client().get(f"/static/{filename}").status_code == 404


def test_pages_are_compressed_and_not_cached(app):
    answer = app.test_client().get("/login", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Log in" in gzip.decompress(answer.data)


def test_file_is_not_served_under_other_paths(app):
    client = app.test_client()
    assert client.get("/static/x1/../vendor/tabler/tabler.min.css").status_code == 404
    assert client.get("/static/./app.css").status_code == 404
