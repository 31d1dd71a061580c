"""A subscriber created in ISP-OS logs in through FreeRADIUS and gets what our own listener would give."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pyrad.packet import AccessAccept, AccessReject, AuthPacket
from servicekit.db import Database
from simulators.nas import DICTIONARY, Dial, Method, Outcome, SimulatedNas
from sqlalchemy import text

from tests.support import radclient
from tests.support.deployment import NAS_SECRET
from tests.support.isp import FENCE, FENCED_RATE, PLAN_RATE, Household, Isp, MakeIsp
from tests.support.waiting import wait_for

MESSAGE_AUTHENTICATOR = 80
PROXY_STATE = 33
PASSWORD = "pppoe-pass-01"
# FreeRADIUS learns of a router's new settings a second or two later: see local.conf.
SECONDS_TO_KNOW = 5


def reasons(database: Database, username: str) -> list[tuple[Any, ...]]:
    """The recorded refused logins, oldest first: reason, password, reply."""
    query = text("select reason, pass, reply from radpostauth where username = :name order by id")
    with database.reading() as session:
        return [tuple(row) for row in session.execute(query, {"name": username})]


def limit_sessions(database: Database, household: Household, limit: int) -> None:
    """Limit sessions as FreeRADIUS expects it: with a row in radcheck."""
    values = {"name": household.username, "attribute": "Simultaneous-Use", "limit": str(limit)}
    none = text("delete from radcheck where username = :name and attribute = :attribute")
    one = text("insert into radcheck (username, attribute, op, value) select :name, :attribute, ':=', :limit")
    with database.transaction() as session:
        session.execute(none, values)
        session.execute(one, values)


def raw_answer(nas: SimulatedNas, port: int, password: str, username: str) -> bytes:
    """The octets of the reply to a signed PAP request with a Proxy-State."""
    request = AuthPacket(secret=NAS_SECRET.encode(), dict=DICTIONARY, id=7, authenticator=os.urandom(16))
    request.add_message_authenticator()
    request["User-Name"] = username
    request["User-Password"] = request.PwCrypt(password)
    request[PROXY_STATE] = [b"first", b"second"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((nas.nas_ip_address, 0))
        sock.settimeout(5)
        sock.sendto(request.RequestPacket(), ("127.0.0.1", port))
        return sock.recv(4096)


def attributes(reply: bytes) -> list[tuple[int, bytes]]:
    found, left = [], reply[20:]
    while left:
        found.append((left[0], left[2 : left[1]]))
        left = left[left[1] :]
    return found


@pytest.mark.parametrize("method", [Method.PAP, Method.MSCHAP2])
def test_right_password_gets_the_attributes_of_the_plan(isp: Isp, method: Method) -> None:
    """With MS-CHAPv2, the simulated router also verifies the server's proof and the MPPE keys."""
    pooled = isp.deployment.make_plan(f"Pooled {isp.nas.identity}", kbps=20_000, address_pool="subscribers")
    juan = isp.connect("Juan dela Cruz", online=False, plan_id=pooled["id"])

    dial = isp.nas.dial(juan.username, PASSWORD, method)

    assert dial.outcome is Outcome.ACCEPTED, dial
    assert dial.attributes["Mikrotik-Rate-Limit"] == ["20M/20M"]
    assert dial.attributes["Framed-Pool"] == ["subscribers"]
    assert dial.attributes["Acct-Interim-Interval"] == [300]
    assert ("MS-MPPE-Send-Key" in dial.attributes) is (method is Method.MSCHAP2)


def test_ms_chap_version_1_is_accepted_with_keys(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)

    def dial(password: str) -> str:
        port, source = isp.deployment.auth_port, isp.nas.nas_ip_address
        return radclient.dial(port, juan.username, password, "mschap", source=source)

    answer = dial(PASSWORD)
    assert radclient.is_accept(answer) and radclient.rate_of(answer) == PLAN_RATE
    assert "MS-CHAP-MPPE-Keys" in answer
    assert radclient.is_reject(dial("wrong"))


def test_static_address_is_assigned(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False, static_ip="10.99.0.7")

    assert isp.dial(juan).attributes["Framed-IP-Address"] == ["10.99.0.7"]


@pytest.mark.parametrize("method", [Method.PAP, Method.MSCHAP2])
def test_wrong_password_is_recorded_without_the_password(
    isp: Isp, database: Database, method: Method
) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)

    dial = isp.nas.dial(juan.username, "secret-of-someone", method)

    assert dial.outcome is Outcome.REJECTED
    assert "Mikrotik-Rate-Limit" not in dial.attributes
    if method is Method.MSCHAP2:
        assert dial.error.startswith("E=691 R=0 C=")
    assert reasons(database, juan.username) == [("wrong_password", "", "Access-Reject")]


def test_unsupported_login_is_refused_with_its_reason(isp: Isp, database: Database) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)

    assert isp.nas.pap(f"not.{juan.username}", PASSWORD).outcome is Outcome.REJECTED
    assert isp.nas.chap(juan.username, PASSWORD).outcome is Outcome.REJECTED

    assert reasons(database, f"not.{juan.username}") == [("unknown_user", "", "Access-Reject")]
    assert reasons(database, juan.username) == [("unsupported_method", "", "Access-Reject")]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("peña", "contraseña €"),
        ("o'hara+2=x/y;--", "a'b=c+d;--"),
        ("juan{%d}$(x)", 'with "quotes", a \\ and 100%{User-Name}'),
        ("juan dela cruz@isp", " in the middle of blanks "),
        ("JUAN", "CaSe"),
    ],
)
def test_usernames_and_passwords_are_taken_literally(isp: Isp, name: str, password: str) -> None:
    login = f"{name}.{isp.nas.identity}"
    juan = isp.connect("Juan dela Cruz", username=login, password=password, online=False)

    assert isp.nas.pap(login, password).outcome is Outcome.ACCEPTED
    assert isp.nas.mschap2(login, password).outcome is Outcome.ACCEPTED
    assert isp.nas.pap(login, password.swapcase()).outcome is Outcome.REJECTED
    assert isp.nas.mschap2(login.swapcase(), password).outcome is Outcome.REJECTED
    isp.nas.wait_reported(10)
    assert [session["username"] for session in juan.open_sessions()] == [login]


def test_change_applies_from_the_next_dial(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    wait_for("the login works", lambda: isp.dial(juan).outcome is Outcome.ACCEPTED)
    isp.nas.hang_up(juan.username)

    juan.change(pppoe_password="a new one")
    isp.api.patch(f"/plans/{isp.plan['id']}", download_kbps=100_000)

    wait_for("the old password is refused", lambda: isp.dial(juan).outcome is Outcome.REJECTED)
    wait_for(
        "the new speed is given",
        lambda: isp.dial(juan, "a new one").attributes.get("Mikrotik-Rate-Limit") == ["50M/100M"],
    )


def test_suspended_subscriber_gets_the_walled_garden(isp: Isp) -> None:
    pedro = isp.connect("Pedro Reyes", online=False)
    hold = pedro.hold()
    pedro.wait_status("suspended")

    def fenced() -> Dial | None:
        dial = isp.dial(pedro)
        return dial if dial.attributes.get("Mikrotik-Address-List") == [FENCE] else None

    dial = wait_for("the dial is fenced", fenced)
    assert dial.outcome is Outcome.ACCEPTED
    assert dial.attributes["Mikrotik-Rate-Limit"] == [FENCED_RATE]
    assert dial.attributes["Session-Timeout"] == [3600]
    assert dial.attributes["Class"] == [b"isp-suspended"]
    assert isp.dial(pedro, "wrong").outcome is Outcome.REJECTED

    pedro.release(hold)
    wait_for("the dial is free", lambda: "Mikrotik-Address-List" not in isp.dial(pedro).attributes)


@pytest.fixture
def block_mode(isp: Isp) -> Iterator[None]:
    isp.api.patch("/settings/billing", suspension_mode="block")
    yield
    isp.api.patch("/settings/billing", suspension_mode="walled_garden")


@pytest.mark.usefixtures("block_mode")
@pytest.mark.parametrize("method", [Method.PAP, Method.MSCHAP2])
def test_suspended_subscriber_is_refused_in_block_mode(isp: Isp, database: Database, method: Method) -> None:
    pedro = isp.connect("Pedro Reyes", online=False)
    pedro.hold()

    def refused() -> Dial | None:
        dial = isp.nas.dial(pedro.username, PASSWORD, method)
        return dial if dial.outcome is Outcome.REJECTED else None

    dial = wait_for("the dial is refused", refused)
    assert not {"Mikrotik-Rate-Limit", "Mikrotik-Address-List", "Class"} & set(dial.attributes)
    assert reasons(database, pedro.username)[-1] == ("suspended", "", "Access-Reject")


def test_terminated_service_is_refused(isp: Isp) -> None:
    juan = isp.connect("Juan dela Cruz", online=False)
    assert isp.dial(juan).outcome is Outcome.ACCEPTED

    isp.api.post(f"/services/{juan.service_id}/terminate")

    wait_for("the dial is refused", lambda: isp.dial(juan).outcome is Outcome.REJECTED)


def test_replies_start_with_a_signature_and_return_proxy_states(isp: Isp) -> None:
    """CVE-2024-3596: RouterOS 7.15+ drops unsigned replies; FreeRADIUS 3.2.1 does not sign by default."""
    juan = isp.connect("Juan dela Cruz", online=False)
    answers = {
        (AccessAccept, juan.username, PASSWORD),
        (AccessReject, juan.username, "wrong"),
        (AccessReject, "nobody", PASSWORD),
    }

    for code, username, password in answers:
        reply = raw_answer(isp.nas, isp.deployment.auth_port, password, username)
        assert reply[0] == code
        kinds = [kind for kind, _ in attributes(reply)]
        assert kinds[0] == MESSAGE_AUTHENTICATOR and kinds.count(MESSAGE_AUTHENTICATOR) == 1
        assert [value for kind, value in attributes(reply) if kind == PROXY_STATE] == [b"first", b"second"]


def test_unsigned_request_is_answered_only_if_the_router_allows_it(make_isp: MakeIsp) -> None:
    isp = make_isp(sign_access_requests=False, timeout_seconds=0.3, tries=2)
    juan = isp.connect("Juan dela Cruz", online=False)
    assert isp.dial(juan).outcome is Outcome.NO_ANSWER

    isp.api.patch(f"/routers/{isp.router['id']}", require_message_authenticator=False)

    wait_for("it is answered", lambda: isp.dial(juan).outcome is Outcome.ACCEPTED, seconds=SECONDS_TO_KNOW)


class TestSimultaneousUse:
    """`Simultaneous-Use := 1` in radcheck."""

    HERE, ELSEWHERE = "02:00:00:00:00:01", "02:00:00:00:00:02"

    @pytest.fixture
    def juan(self, isp: Isp, database: Database) -> Household:
        """Juan's household, with a limit of one session."""
        juan = isp.connect("Juan dela Cruz", online=False)
        limit_sessions(database, juan, 1)
        assert isp.nas.mschap2(juan.username, PASSWORD, mac=self.HERE).outcome is Outcome.ACCEPTED
        isp.nas.wait_reported(10)
        return juan

    def test_another_device_is_refused_until_the_first_is_offline(
        self, isp: Isp, juan: Household, database: Database
    ) -> None:
        assert isp.nas.mschap2(juan.username, PASSWORD, mac=self.ELSEWHERE).outcome is Outcome.REJECTED
        assert reasons(database, juan.username) == [("too_many_sessions", "", "Access-Reject")]

        isp.nas.hang_up(juan.username)
        isp.nas.wait_reported(10)

        assert isp.nas.mschap2(juan.username, PASSWORD, mac=self.ELSEWHERE).outcome is Outcome.ACCEPTED

    def test_the_same_device_may_redial(self, isp: Isp, juan: Household) -> None:
        assert isp.nas.mschap2(juan.username, PASSWORD, mac="02-00-00-00-00-01").outcome is Outcome.ACCEPTED

    @pytest.mark.parametrize(("minutes", "outcome"), [(15, Outcome.REJECTED), (17, Outcome.ACCEPTED)])
    def test_session_that_missed_three_interims_does_not_count(
        self, isp: Isp, juan: Household, database: Database, minutes: int, outcome: Outcome
    ) -> None:
        older = text(
            "update radacct set acctupdatetime = now() - interval '1 minute' * :minutes "
            "where username = :name"
        )
        with database.transaction() as session:
            session.execute(older, {"minutes": minutes, "name": juan.username})

        assert isp.nas.mschap2(juan.username, PASSWORD, mac=self.ELSEWHERE).outcome is outcome

    def test_session_from_before_a_reboot_does_not_count(self, isp: Isp, juan: Household) -> None:
        isp.nas.reboot()

        assert isp.nas.mschap2(juan.username, PASSWORD, mac=self.ELSEWHERE).outcome is Outcome.ACCEPTED

    def test_limit_of_two_allows_two_devices(self, isp: Isp, juan: Household, database: Database) -> None:
        limit_sessions(database, juan, 2)

        assert isp.nas.mschap2(juan.username, PASSWORD, mac=self.ELSEWHERE).outcome is Outcome.ACCEPTED
