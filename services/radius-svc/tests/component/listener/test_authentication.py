from __future__ import annotations

import socket
import subprocess

import pytest
from contracts.billing_settings import SuspensionMode
from radius_svc.models import Nas, RadPostAuth
from radius_svc.usecases.authorization import remove_nas, write_suspended_group
from simulators.nas import Outcome
from sqlalchemy import select
from testkit.pytest_plugin import require

from .conftest import ON_BOTH, SECRET, STATUS_SECRET, wait_for
from .packets import exchange, signed_request


def suspend_mode(radius_database, mode, version=1):
    with radius_database.database.transaction() as session:
        write_suspended_group(
            session,
            version,
            mode=mode,
            address_list="ispos-suspended",
            rate_limit="256k/256k",
            session_timeout_seconds=3600,
        )


@ON_BOTH
@pytest.mark.parametrize("method", ["pap", "chap", "mschap2"])
def test_right_password_is_accepted_with_the_plan(nas, method):
    dial = nas.dial("juan", "clientPass", method)

    assert dial.outcome is Outcome.ACCEPTED
    assert dial.session.rate_limit == "10M/50M"
    assert dial.attributes["Framed-Pool"] == ["subscribers"]
    assert dial.attributes["Acct-Interim-Interval"] == [300]


@pytest.mark.parametrize("method", ["pap", "chap", "mschap2"])
def test_wrong_password_is_rejected_without_a_plan(nas, method):
    dial = nas.dial("juan", "wrong", method)

    assert dial.outcome is Outcome.REJECTED
    assert set(dial.attributes) <= {"Message-Authenticator", "MS-CHAP-Error"}
    assert ("E=691 R=0" in dial.error) is (method == "mschap2")


@pytest.mark.parametrize("method", ["pap", "chap", "mschap2"])
def test_unknown_user_is_rejected(nas, method):
    assert nas.dial("nobody", "clientPass", method).outcome is Outcome.REJECTED


@ON_BOTH
def test_usernames_are_case_sensitive(nas):
    assert nas.pap("Juan", "clientPass").outcome is Outcome.REJECTED


@ON_BOTH
@pytest.mark.parametrize("method", ["pap", "chap", "mschap2"])
def test_usernames_and_passwords_may_contain_any_letters(radius_database, nas, method):
    radius_database.account("peña@isp ", "contraseña ₱ 漢字")
    radius_database.wait_in_force()

    assert nas.dial("peña@isp ", "contraseña ₱ 漢字", method).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "proof",
    ['User-Password = "{}"', 'CHAP-Password = "{}"', 'MS-CHAP-Password = "{}"'],
    ids=["pap", "chap", "mschap1"],
)
def test_radclient_is_accepted_and_rejected(radclient, proof):
    request = f'User-Name = "juan"\nMessage-Authenticator = 0x00\n{proof}\n'

    accepted = radclient(request.format("clientPass"))
    rejected = radclient(request.format("wrong"))

    assert "Received Access-Accept" in accepted and 'Mikrotik-Rate-Limit = "10M/50M"' in accepted
    assert "Received Access-Reject" in rejected and "Rate-Limit" not in rejected


@pytest.mark.parametrize("method", ["pap", "chap", "mschap"])
def test_radtest_is_accepted_and_rejected(listener, method):
    """FreeRADIUS's command for trying a login, which operators use."""
    require("radclient")  # of the same package

    def radtest(password: str) -> str:
        command = ["radtest", "-t", method, "juan", password, f"127.0.0.1:{listener.auth_port}", "0", SECRET]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            return process.stdout.read().decode()

    assert "Received Access-Accept" in radtest("clientPass")
    assert "Received Access-Reject" in radtest("wrong")


def test_message_authenticator_is_the_first_attribute_of_every_answer(listener):
    for password in (b"clientPass", b"wrong"):
        reply = exchange(listener.auth_port, signed_request("juan", password))
        assert reply[20:22] == b"\x50\x12"


def test_unsigned_requests_are_dropped_if_the_nas_must_sign(listener, make_nas):
    assert make_nas(sign_access_requests=False).pap("juan", "clientPass").outcome is Outcome.NO_ANSWER
    assert listener.counts("isp_radius_dropped_total", 2, reason="unsigned")


def test_unsigned_requests_are_answered_if_the_nas_need_not_sign(radius_database, make_nas):
    radius_database.nas("127.0.0.1", version=2, require_message_authenticator=False)
    radius_database.wait_in_force()

    assert make_nas(sign_access_requests=False).pap("juan", "clientPass").outcome is Outcome.ACCEPTED


@ON_BOTH
def test_a_wrong_message_authenticator_is_dropped_and_recorded(radius_database, listener, make_nas):
    assert make_nas(secret=b"another").pap("juan", "clientPass").outcome is Outcome.NO_ANSWER
    assert listener.counts("isp_radius_bad_authenticator_total", 2, type="access", nas="nas-127.0.0.1")

    def noted():
        with radius_database.database.reading() as session:
            return session.scalar(select(Nas.last_secret_mismatch_at))

    wait_for(noted, what="the mismatch")


def test_unknown_source_is_dropped_and_counted(listener, make_nas):
    assert make_nas(source_address="127.0.0.9").pap("juan", "clientPass").outcome is Outcome.NO_ANSWER
    assert listener.counts("isp_radius_dropped_total", 2, type="access", reason="unknown_client")


def test_malformed_packet_is_dropped_and_counted(listener, nas):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"\x01\x01\x00", ("127.0.0.1", listener.auth_port))
        sock.sendto(b"\x01\x01\x00\x17" + bytes(16) + b"\x01\x09a", ("127.0.0.1", listener.auth_port))

    assert nas.pap("juan", "clientPass").outcome is Outcome.ACCEPTED
    assert listener.counts("isp_radius_malformed_total", 1, reason="short packet")
    assert listener.counts("isp_radius_malformed_total", 1, reason="bad attribute length")


def test_a_retransmission_gets_the_same_answer(listener):
    request = signed_request("juan", b"clientPass")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        first, second = (exchange(listener.auth_port, request, sock) for _ in range(2))

    assert first == second
    assert listener.counts("isp_radius_duplicates_total", 1, type="access")
    assert listener.counts("isp_radius_requests_total", 1, result="accept")


def test_status_server_of_the_health_check_is_answered(radclient):
    assert "Received Access-Accept" in radclient("Message-Authenticator = 0x00\n", "status", STATUS_SECRET)
    assert "Received Access-Accept" in radclient("Message-Authenticator = 0x00\n", "status", SECRET)
    assert "Received" not in radclient("Message-Authenticator = 0x00\n", "status", "neither")


@ON_BOTH
def test_a_new_password_works_on_the_next_dial(radius_database, nas):
    radius_database.account("juan", "another")
    radius_database.wait_in_force()

    assert nas.mschap2("juan", "clientPass").outcome is Outcome.REJECTED
    assert nas.mschap2("juan", "another").outcome is Outcome.ACCEPTED


def test_new_account_with_static_address_works_on_the_next_dial(radius_database, nas):
    radius_database.account("pedro", "secret", static_ip="10.9.8.7")
    radius_database.wait_in_force()

    assert nas.mschap2("pedro", "secret").session.framed_ip_address == "10.9.8.7"


@ON_BOTH
def test_a_new_username_replaces_the_old_one(radius_database, nas):
    radius_database.account("juan2", service_id="service-juan")
    radius_database.wait_in_force()

    assert nas.pap("juan", "clientPass").outcome is Outcome.REJECTED
    assert nas.pap("juan2", "clientPass").outcome is Outcome.ACCEPTED


def test_terminated_account_is_rejected(radius_database, nas):
    radius_database.account("juan", terminated=True)
    radius_database.wait_in_force()

    assert nas.pap("juan", "clientPass").outcome is Outcome.REJECTED


def test_a_new_plan_works_on_the_next_dial(radius_database, nas):
    radius_database.plan(version=2, **{"Mikrotik-Rate-Limit": "20M/100M"})
    radius_database.wait_in_force()

    assert nas.pap("juan", "clientPass").session.rate_limit == "20M/100M"


@ON_BOTH
def test_suspended_login_is_accepted_into_the_walled_garden(radius_database, nas):
    suspend_mode(radius_database, SuspensionMode.WALLED_GARDEN)
    radius_database.account("juan", suspended=True)
    radius_database.wait_in_force()

    dial = nas.mschap2("juan", "clientPass")

    assert (dial.session.address_list, dial.session.rate_limit) == ("ispos-suspended", "256k/256k")
    assert dial.session.session_timeout_seconds == 3600
    assert dial.attributes["Framed-Pool"] == ["subscribers"]  # the plan provides the rest


def test_a_login_suspended_in_block_mode_works_after_the_restore(radius_database, nas):
    suspend_mode(radius_database, SuspensionMode.BLOCK)
    radius_database.account("juan", suspended=True)
    radius_database.wait_in_force()
    assert nas.mschap2("juan", "clientPass").outcome is Outcome.REJECTED

    radius_database.account("juan", suspended=False)
    radius_database.wait_in_force()
    assert nas.mschap2("juan", "clientPass").session.address_list is None


@ON_BOTH
def test_new_changed_and_removed_routers_take_effect_at_once(radius_database, make_nas):
    other = make_nas(source_address="127.0.0.2", secret=b"first")
    radius_database.nas("127.0.0.2", "first")
    radius_database.wait_in_force()
    assert other.pap("juan", "clientPass").outcome is Outcome.ACCEPTED

    radius_database.nas("127.0.0.2", "second", version=2)
    radius_database.wait_in_force()
    assert other.pap("juan", "clientPass").outcome is Outcome.NO_ANSWER

    radius_database.nas("127.0.0.2", "first", version=3, disabled=True)
    radius_database.wait_in_force()
    assert other.pap("juan", "clientPass").outcome is Outcome.NO_ANSWER

    radius_database.nas("127.0.0.2", "first", version=4)
    radius_database.wait_in_force()
    assert other.pap("juan", "clientPass").outcome is Outcome.ACCEPTED

    with radius_database.database.transaction() as session:
        assert remove_nas(session, "router-127.0.0.2", 5)
    radius_database.wait_in_force()
    assert other.pap("juan", "clientPass").outcome is Outcome.NO_ANSWER


@ON_BOTH
def test_rejects_and_heard_routers_are_recorded_without_passwords(radius_database, listener, nas):
    nas.pap("juan", "my-mistyped-password")

    def recorded():
        with radius_database.database.reading() as session:
            return session.execute(
                select(RadPostAuth.username, RadPostAuth.pass_, RadPostAuth.reply, RadPostAuth.reason)
            ).first()

    assert tuple(wait_for(recorded, what="the reject")) == ("juan", "", "Access-Reject", "wrong_password")
    with radius_database.database.reading() as session:
        assert session.scalar(select(Nas.last_heard_at)) is not None
    for secret in ("my-mistyped-password", "clientPass", SECRET):
        assert secret not in listener.log.read_text()
