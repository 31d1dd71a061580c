"""Static files and compression, as a browser meets them."""

import gzip
import re

import brotli
import pytest

FILES = ("app.css", "app.js", "theme.js", "vendor/tabler/tabler.min.css", "vendor/htmx/htmx.min.js")


def addresses(page):
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', page)


def test_each_file_that_a_page_names_is_there_and_kept_for_good(app):
    client = app.test_client()
    named = addresses(client.get("/login").text)
    assert len(named) >= 6
    for address in named:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("filename", FILES)
@pytest.mark.parametrize(("encoding", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_a_file_is_sent_compressed_and_is_the_same_when_unpacked(app, filename, encoding, unpack):
    client = app.test_client()
    plain = client.get(f"/static/{filename}")
    packed = client.get(f"/static/{filename}", headers={"Accept-Encoding": encoding})
    assert packed.headers["Content-Encoding"] == encoding
    assert len(packed.data) < len(plain.data)
    assert unpack(packed.data) == plain.data


def test_an_address_of_another_version_is_asked_for_again(app):
    client = app.test_client()
    answer = client.get("/static/app.css?v=older")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/app.css?v=older", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "filename", ["../app.py", "%2e%2e/app.py", "vendor/../../app.py", "nothing.css", "vendor"]
)
def test_nothing_but_static_files_is_served(app, filename):
    assert app.test_client().get(f"/static/{filename}").status_code == 404


def test_pages_are_sent_compressed_and_kept_by_nobody(app):
    answer = app.test_client().get("/login", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Log in" in gzip.decompress(answer.data)


def test_a_file_has_one_name_only(app):
    client = app.test_client()
    assert client.get("/static/x1/../vendor/tabler/tabler.min.css").status_code == 404
    assert client.get("/static/./app.css").status_code == 404
