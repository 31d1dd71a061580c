"""Rules for every endpoint: authentication, errors, lists, roles."""

import pytest
from gateway.models import AuditEntry, Role
from gateway_fakes import NOW
from servicekit.rpc import ServiceFault
from sqlalchemy import select

PLAN = {"name": "Fiber 50 Mbps", "price": 150000, "download_kbps": 50000, "upload_kbps": 50000}


def assert_problem(answer, status, *fields):
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status
    assert {"type", "title", "status", "detail"} <= set(answer.json)
    assert [wrong["field"] for wrong in answer.json.get("errors", [])] == list(fields)
    assert all(wrong["message"] for wrong in answer.json.get("errors", []))


def test_every_endpoint_needs_a_token(app):
    answer = app.test_client().get("/api/v1/plans")
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_unknown_token_is_refused(app):
    answer = app.test_client().get("/api/v1/plans", headers={"Authorization": "Bearer isp_no"})
    assert_problem(answer, 401)


def test_login_cookie_is_not_accepted_by_the_api(browser):
    assert_problem(browser.get("/api/v1/plans"), 401)


def test_revoked_token_is_refused(api):
    token_id = api("GET", "/tokens").json["data"][0]["id"]
    assert api("DELETE", f"/tokens/{token_id}").status_code == 204
    assert_problem(api("GET", "/plans"), 401)


def test_wrong_password_gets_no_token(app, add_operator):
    add_operator(Role.OWNER)
    answer = app.test_client().post(
        "/api/v1/tokens", json={"name": "x"}, headers={"Authorization": "Basic b3duZXJAZXhhbXBsZS5jb206bm8="}
    )
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_unknown_path_is_404_and_wrong_method_405(api):
    assert_problem(api("GET", "/nothing"), 404)
    answer = api("DELETE", "/plans")
    assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


def test_unknown_id_is_404(api):
    for path in ("/plans/x", "/routers/x", "/subscribers/x", "/services/x", "/invoices/x", "/payments/x"):
        assert_problem(api("GET", path), 404)
    assert_problem(api("GET", "/plans/%00"), 404)


def test_malformed_json_is_400(app, api):
    answer = app.test_client().post(
        "/api/v1/plans",
        data='{"name": ',
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.token}"},
    )
    assert_problem(answer, 400)


def test_wrong_content_type_is_415(app, api):
    answer = app.test_client().post(
        "/api/v1/plans", data={"name": "x"}, headers={"Authorization": f"Bearer {api.token}"}
    )
    assert_problem(answer, 415)


def test_body_over_one_megabyte_is_413(api):
    assert_problem(api("POST", "/plans", {"name": "x" * 1_000_001}), 413)


def test_all_wrong_fields_are_named_together(api):
    answer = api("POST", "/plans", {"name": "", "price": 1.5, "download_kbps": True, "extra": 1})
    assert_problem(answer, 422, "name", "price", "download_kbps", "upload_kbps", "extra")


def test_null_and_control_characters_are_refused(api):
    plan = api("POST", "/plans", PLAN).json
    assert_problem(api("PATCH", f"/plans/{plan['id']}", {"name": None}), 422, "name")
    assert_problem(api("PATCH", f"/plans/{plan['id']}", {"name": "a\x00b"}), 422, "name")


@pytest.mark.parametrize("body", [[], "text", 1, None])
def test_body_other_than_an_object_is_422(api, body):
    assert api("POST", "/plans", body).status_code == 422


def test_lists_are_paged(api):
    for number in range(5):
        api("POST", "/plans", {**PLAN, "name": f"Plan {number}"})
    first = api("GET", "/plans?limit=2").json
    assert [plan["name"] for plan in first["data"]] == ["Plan 4", "Plan 3"]
    second = api("GET", f"/plans?limit=2&after={first['next']}").json
    assert [plan["name"] for plan in second["data"]] == ["Plan 2", "Plan 1"]
    last = api("GET", f"/plans?limit=2&after={second['next']}").json
    assert last["next"] is None


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5"])
def test_limit_out_of_range_is_422(api, limit):
    assert_problem(api("GET", f"/plans?limit={limit}"), 422, "limit")


def test_unknown_query_parameter_is_named(api):
    assert_problem(api("GET", "/invoices?statsu=paid"), 422, "statsu")
    assert_problem(api("GET", "/invoices?status=nope"), 422, "status")


def test_service_that_is_down_is_503_with_retry_after(api, world):
    world.down.add("subscriber")
    answer = api("GET", "/plans")
    assert_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


def test_service_that_fails_is_502(api, world):
    world.failing["list_plans"] = ServiceFault("list_plans failed")
    assert_problem(api("GET", "/plans"), 502)


def test_our_own_bug_is_500_without_details(api, world):
    world.failing["list_plans"] = ZeroDivisionError("secret detail")
    answer = api("GET", "/plans")
    assert_problem(answer, 500)
    assert "secret detail" not in answer.text


def test_field_errors_of_a_service_are_passed_on(api, subscriber, service_body):
    body = {"full_name": "Pedro again", "service": service_body}
    assert_problem(api("POST", "/subscribers", body), 422, "service.pppoe_username")
    answer = api("POST", f"/subscribers/{subscriber['id']}/services", service_body)
    assert_problem(answer, 422, "pppoe_username")


def test_conflict_is_409(api, service_body):
    api("POST", f"/plans/{service_body['plan_id']}/archive")
    body = {"full_name": "Pedro Reyes", "service": service_body}
    assert_problem(api("POST", "/subscribers", body), 409)


ROLE_RIGHTS = {
    ("POST", "/plans"): {Role.OWNER, Role.ADMIN},
    ("GET", "/plans"): set(Role),
    ("POST", "/routers"): {Role.OWNER, Role.ADMIN, Role.TECHNICIAN},
    ("POST", "/subscribers"): {Role.OWNER, Role.ADMIN, Role.STAFF},
    ("GET", "/subscribers"): set(Role),
    ("POST", "/payments"): {Role.OWNER, Role.ADMIN, Role.STAFF},
    ("POST", "/payments/x/reverse"): {Role.OWNER, Role.ADMIN},
    ("POST", "/payments/x/move"): {Role.OWNER, Role.ADMIN},
    ("POST", "/services/x/restore"): {Role.OWNER, Role.ADMIN, Role.STAFF},
    ("DELETE", "/services/x/exemptions/x"): {Role.OWNER, Role.ADMIN, Role.STAFF},
    ("POST", "/services/x/holds"): {Role.OWNER, Role.ADMIN, Role.STAFF},
    ("POST", "/services/x/disconnect"): {Role.OWNER, Role.ADMIN, Role.TECHNICIAN},
    ("GET", "/sessions"): set(Role),
    ("GET", "/invoices"): {Role.OWNER, Role.ADMIN, Role.STAFF},
    ("POST", "/billing-runs"): {Role.OWNER, Role.ADMIN},
    ("POST", "/billing-runs/x/void"): {Role.OWNER, Role.ADMIN},
    ("GET", "/billing-runs/next"): {Role.OWNER, Role.ADMIN, Role.STAFF},
    ("PATCH", "/settings/billing"): {Role.OWNER, Role.ADMIN},
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_has_its_rights_and_no_others(api_as, role):
    api = api_as(role)
    for (method, path), roles in ROLE_RIGHTS.items():
        refused = api(method, path, {} if method != "GET" else None).status_code == 403
        assert refused is (role not in roles), (role, method, path)


def test_every_successful_write_is_in_the_audit_log(api, database):
    plan = api("POST", "/plans", PLAN, X_Request_ID="trace-1").json
    api("PATCH", f"/plans/{plan['id']}", {"price": 160000})
    api("POST", "/plans", {})
    api("GET", "/plans")
    with database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.record_id) for entry in entries[1:]] == [
        ("POST /api/v1/plans", plan["id"]),
        ("PATCH /api/v1/plans/<plan_id>", plan["id"]),
    ]
    assert entries[1].actor == "owner@example.com"
    assert entries[1].correlation_id == "trace-1"
    assert entries[1].recorded_at == NOW


def test_request_id_is_taken_from_the_caller_or_created(api):
    assert api("GET", "/plans", X_Request_ID="abc-1").headers["X-Request-ID"] == "abc-1"
    assert len(api("GET", "/plans", X_Request_ID='"><script>').headers["X-Request-ID"]) == 36


def test_responses_have_the_security_headers(api):
    headers = api("GET", "/plans").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_readiness_names_what_is_not_responding(app, world):
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    world.down.add("billing")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["wrong"] == {"billing.service": "billing is not running"}
    assert client.get("/healthz").status_code == 200


def test_metrics_count_requests_by_route(api, app, subscriber):
    api("GET", f"/subscribers/{subscriber['id']}")
    text = app.test_client().get("/metrics").text
    labels = 'method="GET",route="/api/v1/subscribers/<subscriber_id>",status="200"'
    assert f"isp_http_requests_total{{{labels}}}" in text


@pytest.mark.parametrize("query", ["after=%00", "after=" + "x" * 201, "after=a%0Db%07"])
def test_cursor_with_control_characters_is_422(api, query):
    assert_problem(api("GET", f"/plans?{query}"), 422, "after")
