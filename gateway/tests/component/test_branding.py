"""The ISP's branding: settings page, API, logo, colors."""

import io
import re
import struct
import zlib

import pytest
from gateway.app import make_app
from gateway.branding import brand
from gateway.models import Role
from gateway_fakes import NOW
from servicekit.clock import FrozenClock
from servicekit.db import Database
from servicekit.migrations import migrate
from sqlalchemy import text
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

FORM = {
    "isp_name": "Sinag Fiber",
    "color": "#0B6BCB",
    "support_phone": "0917 123 4567",
    "support_email": "help@sinag.example",
    "address": "2F Mabini Bldg.\r\nDasmariñas, Cavite",
    "tin": "TIN 123456789 00000",
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10"/></svg>'
GENERAL = "/settings/general"


def png(width=128, height=128, *, tail=b""):
    def chunk(name, data):
        return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))

    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + b"\x20\x60\xc0" * width for _ in range(height)))
    parts = chunk(b"IHDR", head), chunk(b"IDAT", pixels), chunk(b"tEXt", tail), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def send(browser):
    """Call it to submit the General form, with a logo if given. Returns the response."""

    def send(logo=None, **changes):
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', browser.get(GENERAL).text))
        file = {"logo": FileStorage(io.BytesIO(logo), "x.txt")} if logo else {}
        boundary, body = encode_multipart(hidden | FORM | changes | file)
        form = f"multipart/form-data; boundary={boundary}"
        return browser.client.post(GENERAL, data=body, content_type=form)

    return send


def put_logo(app, api, content):
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/octet-stream"}
    return app.test_client().put("/api/v1/settings/general/logo", data=content, headers=headers)


def test_settings_opens_the_general_page(browser):
    assert browser.get("/settings").headers["Location"] == GENERAL


def test_saved_branding_is_shown_everywhere(send, browser, api):
    assert send().status_code == 303
    page = browser.get(GENERAL).text
    assert 'value="Sinag Fiber"' in page
    assert '<span class="brand-name">Sinag Fiber</span>' in page
    assert api("GET", "/settings/general").json == {
        "version": 1,
        "isp_name": "Sinag Fiber",
        "color": "#0b6bcb",
        "support_phone": "0917 123 4567",
        "support_email": "help@sinag.example",
        "address": "2F Mabini Bldg.\nDasmariñas, Cavite",
        "tin": "123-456-789-00000",
        "logo_url": None,
    }


def test_new_installation_has_a_name_and_a_color(api, new_browser):
    assert api("GET", "/settings/general").json["isp_name"] == "ISP-OS"
    assert "--brand: #18181b;" in new_browser.get("/brand.css").text


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("isp_name", "X"),
        ("isp_name", "x" * 101),
        ("isp_name", "two\nlines"),
        ("color", "blue"),
        ("color", "#12345"),
        ("support_phone", "call me"),
        ("support_phone", "javascript:1"),
        ("support_email", "nobody"),
        ("support_email", 'a"b@example.com'),
        ("address", "x" * 501),
        ("tin", "12345"),
        ("tin", "123-456-78x"),
    ],
)
def test_wrong_field_is_named_and_nothing_is_saved(send, browser, api, field, typed):
    answer = send(**{field: typed})
    assert answer.status_code == 422
    assert f'id="{field}-help"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert api("GET", "/settings/general").json["version"] == 0
    refused = api("PATCH", "/settings/general", {field: typed})
    assert refused.status_code == 422
    assert [wrong["field"] for wrong in refused.json["errors"]] == [field]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("123456789", "123-456-789"),
        ("123-456-789-000", "123-456-789-000"),
        ("123 456 789 00000", "123-456-789-00000"),
        ("tin: 123.456.789.000", "123-456-789-000"),
        ("", ""),
    ],
)
def test_tin_is_stored_in_one_format(api, typed, kept):
    assert api("PATCH", "/settings/general", {"tin": typed}).json["tin"] == kept


def test_patch_changes_only_the_fields_sent(api):
    api("PATCH", "/settings/general", {"isp_name": "Sinag", "tin": "123456789"})
    assert api("PATCH", "/settings/general", {"color": "fff"}).json == {
        **api("GET", "/settings/general").json,
        "isp_name": "Sinag",
        "tin": "123-456-789",
        "color": "#ffffff",
        "version": 2,
    }


def test_branding_needs_the_right_to_edit_settings(api_as, browser_as, app):
    staff = api_as(Role.STAFF)
    assert staff("GET", "/settings/general").status_code == 200
    assert staff("PATCH", "/settings/general", {}).status_code == 403
    assert put_logo(app, staff, png()).status_code == 403
    assert browser_as(Role.STAFF).get(GENERAL).status_code == 403


@pytest.mark.parametrize(("content", "media_type"), [(png(), "image/png"), (SVG, "image/svg+xml")])
def test_logo_is_public_and_harmless(send, browser, new_browser, content, media_type):
    assert send(content).status_code == 303
    address = "/branding/logo?v=2"
    assert f'src="{address}"' in browser.get(GENERAL).text
    answer = new_browser.get(address)
    assert answer.data == content
    assert answer.content_type == media_type
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]
    unchanged = new_browser.client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert unchanged.status_code == 304
    assert new_browser.get("/branding/logo?v=1").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GIF89a" + bytes(300), "must be a PNG or SVG file"),
        (b"<html><body>no</body></html>", "must be an SVG drawing"),
        (b"<svg>", "or a readable SVG"),
        (b"<svg xmlns='http://www.w3.org/1999/xhtml'/>", "must be an SVG drawing"),
        (SVG.replace(b"<rect", b"<script>alert(1)</script><rect"), "contains a script"),
        (SVG.replace(b"<rect", b"<rect onload='alert(1)'"), "contains a script"),
        (b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + SVG, "defines entities"),
        (png(127, 200), "at least 128 x 128"),
        (png(4097, 128), "at most 4096 x 4096"),
        (png()[:-20], "damaged PNG"),
        (png().replace(b"IHDR", b"IHDX"), "damaged PNG"),
        (b"\x89PNG\r\n\x1a\n", "damaged PNG"),
    ],
)
def test_logo_type_is_detected_from_its_content(send, app, api, content, reason):
    answer = send(content)
    assert answer.status_code == 422
    assert reason in answer.text
    assert api("GET", "/settings/general").json["version"] == 0
    refused = put_logo(app, api, content)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "logo"


def svg(content):
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} viewBox="0 0 9 9">{content}</svg>'.encode()


def levels(element, reference, depth=8, width=10):
    """An SVG in which each level draws the one below it many times."""
    below = "".join(
        f'<{element} id="l{level}">' + reference.format(f"l{level - 1}") * width + f"</{element}>"
        for level in range(1, depth)
    )
    return svg(f'<rect id="l0" width="9" height="9"/>{below}{reference.format(f"l{depth - 1}")}')


@pytest.mark.parametrize(
    "content",
    [
        levels("g", '<use xlink:href="#{}"/>'),
        levels("symbol", '<use href=" #{} "/>'),
        levels("pattern", '<rect width="9" height="9" fill="url(#{})"/>'),
        levels("marker", """<path d="M0 0L1 1" style="marker-start: url( '#{}' )"/>"""),
        levels("mask", '<rect width="9" height="9" mask="URL(#{})"/>'),
        levels("g", """<path clip-path="#{}"/>"""),
        svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'),
        svg('<g id="a"><use href="#a"/></g>'),
        svg("<rect/>" * 20_000),
        svg('<g id="a" class="#a">' * 9_999 + "</g>" * 9_999),
        svg(f'<g id="a" class="{"#a " * 300_000}"/>'),
    ],
)
def test_svg_that_takes_too_long_to_draw_is_refused(send, content):
    answer = send(content)
    assert answer.status_code == 422
    assert "is too complex" in answer.text


@pytest.mark.parametrize("href", ["isp:logo", "https://evil.example/a.png", "file:///etc/passwd", ""])
def test_svg_that_refers_to_other_files_is_refused(send, href):
    """A drawing that contains itself twice would never end."""
    for element in ("image", "use"):
        answer = send(svg(f'<{element} xlink:href="{href}" width="9" height="9"/>' * 2))
        assert answer.status_code == 422
        assert "links to another file" in answer.text


@pytest.mark.parametrize(
    "content",
    [
        # Illustrator: a clipping path is a <use> of a shape, and groups in it are clipped once more.
        '<defs><rect id="S1" width="9" height="9"/></defs>'
        '<clipPath id="S2"><use xlink:href="#S1"/></clipPath>'
        '<g clip-path="url(#S2)"><g clip-path="url(#S2)"><path class="st0" d="M0 0h9"/></g></g>',
        # Inkscape: a gradient takes its stops from another.
        '<defs><linearGradient id="a"><stop offset="0"/></linearGradient>'
        '<linearGradient id="b" xlink:href="#a"/></defs><path style="fill:url(#b)" d="M0 0h9"/>',
        # Figma: a picture as the filling.
        '<rect width="9" height="9" fill="url(#p0)"/><defs><pattern id="p0" width="1" height="1">'
        '<use xlink:href="#i0"/></pattern>'
        '<image id="i0" xlink:href="data:image/png;base64,iVBORw0KGgo="/></defs>',
        '<use href="#nowhere"/><a href="https://isp.example"><path d="M0 0h9"/></a>',
    ],
)
def test_exports_of_drawing_programs_are_accepted(send, content):
    assert send(svg(content)).status_code == 303


def test_doctype_of_drawing_programs_is_accepted(send):
    doctype = (
        b'<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">'
    )
    assert send(doctype + SVG).status_code == 303


def test_logo_may_have_up_to_two_megabytes(send, app, api):
    assert send(png(tail=bytes(1_990_000))).status_code == 303
    large = png(tail=bytes(2_000_001))
    assert "must be at most 2 MB" in send(large).text
    assert put_logo(app, api, large).status_code == 413
    assert send(png(tail=bytes(3_000_000))).status_code == 413


def test_only_upload_forms_accept_more_than_one_megabyte(browser, new_browser):
    assert browser.post("/settings/billing", {"invoice_series": "x" * 1_100_000}).status_code == 413
    assert new_browser.client.post(GENERAL, data=b"x" * 1_500_000).status_code in (302, 303)


def test_logo_can_be_removed(send, browser, api, app):
    send(SVG)
    assert send(remove_logo="on").status_code == 303
    assert browser.get("/branding/logo").status_code == 404
    assert put_logo(app, api, SVG).json["logo_url"].startswith("/branding/logo?v=")
    assert api("DELETE", "/settings/general/logo").json["logo_url"] is None


def test_saving_without_a_file_keeps_the_logo(send, browser):
    send(SVG)
    send(isp_name="Other")
    assert browser.get("/branding/logo").data == SVG


def test_colors_are_made_readable(api, new_browser):
    api("PATCH", "/settings/general", {"color": "#ffd400"})
    css = new_browser.get("/brand.css?v=1")
    assert css.content_type.startswith("text/css")
    assert "--brand: #ffd400;" in css.text
    assert "--brand-ink: #000000;" in css.text
    assert "--brand-text: #ffd400;" not in css.text
    assert "immutable" in css.headers["Cache-Control"]


def test_names_are_escaped(send, browser):
    send(isp_name="<b>Sinag</b>")
    assert "<b>Sinag" not in browser.get(GENERAL).text


def test_error_page_for_a_lost_database_needs_no_database(app, database, tmp_path):
    with database.transaction() as session:
        session.execute(text("DROP TABLE branding"))
    with app.test_request_context():
        assert brand.shown().isp_name == "ISP-OS"


def test_branding_is_stored_on_postgresql(make_postgres_database, settings, world):
    database = Database(make_postgres_database())
    migrate(database, "gateway")
    app = make_app(settings, FrozenClock(NOW), database, world.call)
    with app.test_request_context(), database.transaction() as session:
        brand.change(session, {"isp_name": "Sinag"})
        brand.set_logo(session, SVG)
    with app.test_request_context():
        assert (brand.load().isp_name, brand.load().version) == ("Sinag", 2)
        assert brand.logo_content() == SVG
    database.close()
