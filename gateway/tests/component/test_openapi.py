import re

from gateway.api import openapi
from gateway.http.access import Permission, permission_of
from openapi_spec_validator import validate

PUBLIC = {
    "static",
    "health.alive",
    "health.ready",
    "health.metrics",
    "docs.document",
    "docs.page",
    "admin.join",
    "admin.login",
    "admin.login_code",
    "admin.setup",
    "portal.page",
    "branding.css",
    "branding.logo",
    "portal.invoice_pdf",
    "portal.state",
}


def test_document_is_valid_openapi(app):
    validate(app.test_client().get("/api/v1/openapi.json").json)


def test_every_route_of_the_api_is_described(app):
    described = {
        (method.upper(), path)
        for path, operations in openapi.document()["paths"].items()
        for method in operations
    }
    routed = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith("openapi.json")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routed == described


def test_documentation_page_shows_every_endpoint(app):
    page = app.test_client().get("/api/docs").text
    assert not re.search(r"<script(?![^>]* src=)", page)
    for path in openapi.document()["paths"]:
        assert f"/api/v1{path}" in page.replace("&lt;", "<")


def test_every_view_declares_a_permission_unless_listed_as_public(app):
    declared = {name: permission_of(view) for name, view in app.view_functions.items()}
    assert [name for name, permission in declared.items() if permission is None] == []
    assert {name for name, permission in declared.items() if permission is Permission.PUBLIC} == PUBLIC
