"""Invitations: links through which people become operators."""

import base64
import re
import zlib
from datetime import timedelta

import pytest
from gateway.identity import throttle
from gateway.models import AuditEntry, Invitation, LoginAttempt, Operator, Role
from sqlalchemy import select

PAGE = "/settings/operators"
EMAIL = "pedro@example.com"
JOINING = {"full_name": "Pedro Peña", "password": "long enough 1", "password_again": "long enough 1"}


def invite(browser, email=EMAIL, role="staff"):
    return browser.post(f"{PAGE}/invite", {"email": email, "role": role})


def link_on(browser):
    """The path of the invitation link on the page, or None."""
    found = re.search(r'id="invitation-link">http://[^/]+(/join/[\w-]+)<', browser.get(PAGE).text)
    return found and found[1]


@pytest.fixture
def link(browser):
    assert invite(browser).status_code == 303
    return link_on(browser)


def operators(database):
    with database.reading() as session:
        return {operator.email: operator for operator in session.scalars(select(Operator))}


def only(database):
    with database.reading() as session:
        return session.scalars(select(Invitation)).one()


def test_link_is_shown_once_and_its_token_is_not_stored(browser, link, database):
    assert link_on(browser) is None
    assert link.removeprefix("/join/") not in repr(vars(only(database)))
    page = browser.get(PAGE).text
    assert "Pending" in page
    assert EMAIL in page


def test_link_is_not_readable_in_the_cookie(browser):

    invite(browser)
    cookie = browser.client.get_cookie("isp_session").value
    payload = cookie.lstrip(".").split(".")[0]
    text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    text = zlib.decompress(text) if cookie.startswith(".") else text
    assert b"join" not in text


def test_invited_operator_chooses_a_password_and_is_logged_in(link, new_browser, database, browser):
    page = new_browser.get(link).text
    assert EMAIL in page
    assert "owner@example.com" in page
    answer = new_browser.post(link, JOINING)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert new_browser.get("/account").status_code == 200
    made = operators(database)[EMAIL]
    assert (made.full_name, made.role) == ("Pedro Peña", Role.STAFF)
    assert "Accepted" in browser.get(PAGE).text
    assert new_browser.log_in(EMAIL, "long enough 1").status_code == 303


def test_link_works_once(link, new_browser, app, database):
    new_browser.post(link, JOINING)
    answer = app.test_client().get(link)
    assert answer.status_code == 410
    assert "This invitation has already been used" in answer.text
    assert len(operators(database)) == 2


def test_link_expires_after_48_hours(link, new_browser, wall, database):
    hidden = new_browser.get(link).text
    wall.instant += timedelta(hours=48)
    answer = new_browser.get(link)
    assert answer.status_code == 410
    assert "Ask owner@example.com for a new link" in answer.text
    csrf = re.search(r'name="csrf_token" value="([^"]*)"', hidden)[1]
    answer = new_browser.client.post(link, data={**JOINING, "csrf_token": csrf})
    assert answer.status_code == 410
    assert EMAIL not in operators(database)


def test_expired_invitation_can_be_sent_again(browser, link, wall, app, new_browser):
    wall.instant += timedelta(hours=49)
    browser.log_in("owner@example.com")
    assert "Expired" in browser.get(PAGE).text
    send_again = re.search(rf"{PAGE}/invitations/[\w-]+/send-again", browser.get(PAGE).text)[0]
    assert browser.post(send_again, seen_at=PAGE).status_code == 303
    new_link = link_on(browser)
    assert app.test_client().get(link).status_code == 404
    assert new_browser.post(new_link, JOINING).status_code == 303


def test_revoked_link_does_not_work(browser, link, new_browser, database):
    revoke = re.search(rf"{PAGE}/invitations/[\w-]+/revoke", browser.get(PAGE).text)[0]
    assert browser.post(revoke).status_code == 303
    assert "Revoked" in browser.get(PAGE).text
    answer = new_browser.get(link)
    assert answer.status_code == 410
    assert "This invitation was revoked" in answer.text
    assert browser.post(revoke).status_code == 303
    assert browser.post(revoke.replace("revoke", "send-again"), seen_at=PAGE).status_code == 409
    assert invite(browser).status_code == 303


def test_address_of_an_operator_is_refused_at_the_field(browser):
    answer = invite(browser, "Owner@Example.com ")
    assert answer.status_code == 422
    assert "an operator with the email address owner@example.com already exists" in answer.text
    assert 'id="email-help"' in answer.text


def test_address_is_invited_once(browser, link):
    answer = invite(browser)
    assert answer.status_code == 422
    assert "already has an invitation; renew its link or revoke it" in answer.text


@pytest.mark.parametrize(
    "email",
    ["", "x", "a@", "@b.c", "a b@c.de", "a" * 200 + "@b.c", "a@b.c\x07", "a@b@c", "a\n@b.c", "<b>x</b>"],
)
def test_invalid_address_is_named_at_its_field_and_kept(browser, database, email):
    answer = invite(browser, email, "technician")
    assert answer.status_code == 422
    assert 'id="email-help"' in answer.text
    assert '<option value="technician" selected>' in answer.text
    assert "<b>x</b>" not in answer.text
    with database.reading() as session:
        assert session.scalars(select(Invitation)).all() == []


def test_address_may_have_letters_of_any_script(browser, new_browser, database):
    invite(browser, "peña😀@example.com")
    assert new_browser.post(link_on(browser), JOINING).status_code == 303
    assert "peña😀@example.com" in operators(database)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"full_name": ""}, "full_name"),
        ({"full_name": "x" * 201}, "full_name"),
        ({"full_name": "Pedro\x07"}, "full_name"),
        ({"full_name": "Pedro\nReyes"}, "full_name"),
        ({"password": "short", "password_again": "short"}, "password"),
        ({"password": "x" * 201, "password_again": "x" * 201}, "password"),
        ({"password": "", "password_again": ""}, "password"),
        ({"password_again": "another one 1"}, "password_again"),
    ],
)
def test_wrong_input_is_named_at_its_field(link, new_browser, database, form, field):
    answer = new_browser.post(link, {**JOINING, **form})
    assert answer.status_code == 422
    assert f'id="{field}-help"' in answer.text
    assert "long enough 1" not in answer.text
    if field != "full_name":
        assert 'value="Pedro Peña"' in answer.text
    assert EMAIL not in operators(database)


def test_name_is_escaped(link, new_browser, browser):
    new_browser.post(link, {**JOINING, "full_name": "<script>alert(1)</script> 😀"})
    page = browser.get(PAGE).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 😀" in page


def test_owner_can_invite_every_role(browser, new_browser, database):
    for role in Role:
        assert invite(browser, f"{role}2@example.com", role).status_code == 303
        assert new_browser.post(link_on(browser), JOINING).status_code == 303
        assert operators(database)[f"{role}2@example.com"].role is role


def test_admin_can_invite_only_staff_and_technicians(browser_as, browser, database, link):
    admin = browser_as(Role.ADMIN)
    page = admin.get(f"{PAGE}/invite").text
    assert 'value="staff"' in page
    assert 'value="owner"' not in page
    for role in ("owner", "admin"):
        assert invite(admin, "x@example.com", role).status_code == 403
    assert invite(admin, "x@example.com", "technician").status_code == 303
    invite(browser, "boss@example.com", "owner")
    with database.reading() as session:
        boss = session.scalars(select(Invitation.id).where(Invitation.role == Role.OWNER)).one()
    assert admin.post(f"{PAGE}/invitations/{boss}/send-again", seen_at=PAGE).status_code == 403
    assert admin.post(f"{PAGE}/invitations/{boss}/revoke").status_code == 403


@pytest.mark.parametrize("change", ["disable", "role"])
def test_invitations_end_when_the_inviter_loses_the_right(browser_as, browser, new_browser, database, change):
    admin = browser_as(Role.ADMIN)
    invite(admin)
    link = link_on(admin)
    other = operators(database)["admin@example.com"]
    browser.post(f"{PAGE}/{other.id}/{change}", {"role": "staff"} if change == "role" else {})
    assert new_browser.get(link).status_code == 410


def test_guessing_links_is_throttled(app, link):
    client = app.test_client()
    statuses = [client.get(f"/join/guess{number}").status_code for number in range(throttle.PER_ACCOUNT + 1)]
    assert (statuses[0], statuses[-1]) == (404, 429)
    assert client.get(link).status_code == 200


def test_attempts_at_a_link_count_like_logins_and_are_reset(link, new_browser, database):
    new_browser.post(link, JOINING)
    with database.reading() as session:
        assert session.scalars(select(LoginAttempt)).all() == []


@pytest.mark.parametrize("token", ["%00", "é", "a%20b", "x" * 5000, "<b>"])
def test_unknown_link_is_404(app, token):
    answer = app.test_client().get(f"/join/{token}")
    assert answer.status_code == 404
    assert "check that the link is complete" in answer.text


def test_token_is_in_no_log(link, new_browser, database, capsys):
    new_browser.post(link, JOINING)
    token = link.removeprefix("/join/")
    with database.reading() as session:
        entries = session.scalars(select(AuditEntry)).all()
    assert [entry.event for entry in entries] == ["admin.login", "admin.invite_operator", "admin.join"]
    assert [entry.record_id for entry in entries[1:]] == [only(database).id] * 2
    assert not any(token in repr(vars(entry)) for entry in entries)
    logged = capsys.readouterr()
    assert "/join/<token>" in logged.out + logged.err
    assert token not in logged.out + logged.err


class TestApi:
    def test_an_invitation_from_end_to_end(self, api, new_browser, database):
        made = api("POST", "/invitations", {"email": EMAIL, "role": "staff"})
        assert made.status_code == 201
        assert made.json["state"] == "pending"
        link = made.json["link"].split("8080")[1]
        listed = api("GET", "/invitations").json["data"]
        assert [one["email"] for one in listed] == [EMAIL]
        assert "link" not in listed[0]
        again = api("POST", f"/invitations/{made.json['id']}/send-again").json["link"].split("8080")[1]
        assert new_browser.get(link).status_code == 404
        assert new_browser.post(again, JOINING).status_code == 303
        assert api("DELETE", f"/invitations/{made.json['id']}").status_code == 409

    def test_revoking_twice_succeeds(self, api):
        made = api("POST", "/invitations", {"email": EMAIL, "role": "staff"}).json
        for _ in range(2):
            assert api("DELETE", f"/invitations/{made['id']}").status_code == 204
        assert api("DELETE", "/invitations/x").status_code == 404

    def test_wrong_input_is_named(self, api):
        answer = api("POST", "/invitations", {"email": "x", "role": "king"})
        assert [wrong["field"] for wrong in answer.json["errors"]] == ["role"]
        answer = api("POST", "/invitations", {"email": "x", "role": "staff"})
        assert [wrong["field"] for wrong in answer.json["errors"]] == ["email"]
        answer = api("POST", "/invitations", {"email": "owner@example.com", "role": "staff"})
        assert answer.status_code == 409

    def test_admin_cannot_invite_an_admin(self, api_as):
        answer = api_as(Role.ADMIN)("POST", "/invitations", {"email": EMAIL, "role": "admin"})
        assert answer.status_code == 403
