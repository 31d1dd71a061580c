"""The simulated NAS and home router, against a RADIUS server of a few lines that uses only pyrad."""

from __future__ import annotations

import socket
import threading

import pytest
from pyrad.packet import AccessReject, AcctPacket, AuthPacket, CoAPacket
from simulators.home_router import HomeRouter
from simulators.nas import DICTIONARY, Outcome, SimulatedNas

SECRET = b"s3cret"


class SmallServer:
    """Accepts one password with PAP, sends the reply attributes a test sets, and records all reports."""

    def __init__(self):
        self.reply = {}
        self.password = "secret"
        self.reports = []
        self.requests = []
        self.silent_for = 0
        self.forge = False
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for sock in self.sockets:
            sock.bind(("127.0.0.1", 0))
        self.auth_port, self.acct_port = (sock.getsockname()[1] for sock in self.sockets)
        handlers = (self.authenticate, self.account)
        self.threads = [
            threading.Thread(target=self.serve, args=pair, daemon=True)
            for pair in zip(self.sockets, handlers, strict=True)
        ]
        for thread in self.threads:
            thread.start()

    def serve(self, sock, handler):
        while octets := sock.recvfrom(4096):
            if not octets[0]:
                return
            reply = handler(octets[0])
            if reply is not None:
                sock.sendto(reply, octets[1])

    def authenticate(self, octets):
        self.requests.append(octets)
        if self.silent_for > 0:
            self.silent_for -= 1
            return None
        request = AuthPacket(secret=SECRET, dict=DICTIONARY, packet=octets)
        assert request.verify_message_authenticator()
        reply = request.CreateReply()
        if request.PwDecrypt(request["User-Password"][0]) != self.password:
            reply.code = AccessReject
        else:
            for name, value in self.reply.items():
                reply[name] = value
        octets = reply.ReplyPacket()
        return octets[:4] + bytes(16) + octets[20:] if self.forge else octets

    def account(self, octets):
        request = AcctPacket(secret=SECRET, dict=DICTIONARY, packet=octets)
        assert request.VerifyAcctRequest()
        self.reports.append(request)
        return request.CreateReply().ReplyPacket()

    def kinds(self):
        return [report["Acct-Status-Type"][0] for report in self.reports]

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            for port in (self.auth_port, self.acct_port):
                waker.sendto(b"", ("127.0.0.1", port))
        for thread in self.threads:
            thread.join()
        for sock in self.sockets:
            sock.close()


@pytest.fixture
def server():
    small = SmallServer()
    yield small
    small.close()


@pytest.fixture
def make_nas(server):
    running = []

    def make(**settings):
        ports = {"auth_port": server.auth_port, "acct_port": server.acct_port}
        nas = SimulatedNas(secret=SECRET, timeout_seconds=0.2, **ports | settings).start()
        running.append(nas)
        return nas

    yield make
    for nas in running:
        nas.close()


@pytest.fixture
def nas(make_nas):
    return make_nas()


def ask(nas, code, secret=SECRET, sock=None, ident=1, **attributes):
    """Send one CoA-Request (43) or Disconnect-Request (40). Returns the reply, or None after 0.5 s."""
    request = CoAPacket(code=code, id=ident, secret=secret, dict=DICTIONARY)
    for name, value in attributes.items():
        request[name.replace("_", "-")] = value
    octets = request.RequestPacket()
    own = sock or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        own.settimeout(0.5)
        own.sendto(octets, ("127.0.0.1", nas.coa_port))
        answer = own.recv(4096)
    except TimeoutError:
        return None
    finally:
        if sock is None:
            own.close()
    reply = request.CreateReply(packet=answer)
    assert request.VerifyReply(reply, answer)
    return reply


def test_access_request_has_the_attributes_a_mikrotik_sends(server, nas):
    nas.pap("juan", "secret", mac="02:00:00:00:00:01")
    request = AuthPacket(secret=SECRET, dict=DICTIONARY, packet=server.requests[0])

    assert server.requests[0][20] == 80  # Message-Authenticator first
    assert request["Called-Station-Id"] == ["pppoe"]
    assert request["Calling-Station-Id"] == ["02:00:00:00:00:01"]
    assert request["NAS-Port-Id"] == ["ether2"]
    assert request["Acct-Session-Id"] == ["81000001"]


def test_retransmission_is_the_same_packet(server, nas):
    server.silent_for = 1

    assert nas.pap("juan", "secret").outcome is Outcome.ACCEPTED
    assert server.requests[0] == server.requests[1]


def test_silent_server_is_no_answer(server, nas):
    server.silent_for = 99

    assert nas.pap("juan", "secret").outcome is Outcome.NO_ANSWER
    assert len(server.requests) == 3


def test_forged_reply_is_no_answer(server, nas):
    server.forge = True

    assert nas.pap("juan", "secret").outcome is Outcome.NO_ANSWER


def test_session_takes_its_attributes_from_the_reply(server, nas):
    server.reply = {"Framed-IP-Address": "10.9.8.7", "Mikrotik-Rate-Limit": "1M/2M", "Class": b"c"}
    session = nas.pap("juan", "secret").session
    nas.wait_reported(5)

    assert (session.framed_ip_address, session.rate_limit) == ("10.9.8.7", "1M/2M")
    assert server.reports[0]["Class"] == [b"c"]


def test_accounting_is_start_interim_stop_with_gigawords(server, nas):
    server.reply = {"Acct-Interim-Interval": 1}
    nas.pap("juan", "secret")
    nas.pass_traffic("juan", upload_octets=(2 << 32) + 5, download_octets=7)
    nas.send_interims()
    nas.hang_up("juan")
    nas.wait_reported(5)

    assert server.kinds() == ["Start", "Interim-Update", "Stop"]
    assert server.reports[-1]["Acct-Input-Gigawords"] == [2]
    assert server.reports[-1]["Acct-Input-Octets"] == [5]
    assert server.reports[-1]["Acct-Terminate-Cause"] == ["User-Request"]


def test_interim_updates_are_sent_automatically(server, make_nas):
    nas = make_nas(interim_seconds=0.05)
    session = nas.pap("juan", "secret").session
    with nas.changed:
        assert nas.changed.wait_for(lambda: server.kinds().count("Interim-Update") >= 2, 5)
    assert session.online


def test_session_timeout_ends_the_session(server, nas):
    server.reply = {"Session-Timeout": 1}
    session = nas.pap("juan", "secret").session
    with nas.changed:
        assert nas.changed.wait_for(lambda: not session.online, 5)
    nas.wait_reported(5)

    assert server.reports[-1]["Acct-Terminate-Cause"] == ["Session-Timeout"]


def test_disconnect_is_acknowledged_and_ends_the_session(server, nas):
    session = nas.pap("juan", "secret").session

    assert ask(nas, 40, Acct_Session_Id=session.acct_session_id, User_Name="juan").code == 41
    nas.wait_reported(5)
    assert server.kinds() == ["Start", "Stop"]


def test_coa_changes_rate_and_address_list_of_a_session(nas):
    session = nas.pap("juan", "secret").session
    reply = ask(
        nas,
        43,
        Framed_IP_Address=session.framed_ip_address,
        **{"Mikrotik-Rate-Limit": "256k/256k", "Mikrotik-Address-List": "fenced"},
    )

    assert reply.code == 44
    with nas.changed:
        assert nas.changed.wait_for(lambda: session.address_list == "fenced", 5)
    assert session.rate_limit == "256k/256k"


def test_every_attribute_that_identifies_a_session_must_match(nas):
    session = nas.pap("juan", "secret").session

    reply = ask(nas, 40, Acct_Session_Id=session.acct_session_id, User_Name="pedro")
    assert (reply.code, reply["Error-Cause"]) == (42, [503])
    assert ask(nas, 40, User_Name="juan", NAS_IP_Address="10.0.0.9")["Error-Cause"] == [403]
    assert ask(nas, 40)["Error-Cause"] == [402]
    assert session.online


def test_coa_with_another_secret_is_ignored(nas):
    nas.pap("juan", "secret")

    assert ask(nas, 40, secret=b"another", User_Name="juan") is None


def test_retransmitted_coa_is_answered_twice_and_obeyed_once(nas):
    nas.pap("juan", "secret")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        codes = [ask(nas, 40, sock=sock, User_Name="juan").code for _ in range(2)]

    assert codes == [41, 41]
    assert len(nas.coa_exchanges) == 1


def test_each_fault_does_what_its_name_says(nas):
    session = nas.pap("juan", "secret").session

    nas.faults.ignore_coa = True
    assert ask(nas, 40, ident=1, User_Name="juan") is None
    nas.faults.ignore_coa = False
    nas.faults.nak_coa_with = 501
    assert ask(nas, 40, ident=2, User_Name="juan")["Error-Cause"] == [501]
    nas.faults.nak_coa_with = None
    nas.faults.acknowledge_but_ignore = True
    assert ask(nas, 40, ident=3, User_Name="juan").code == 41
    assert session.online
    nas.faults.acknowledge_but_ignore = False
    nas.faults.coa_replies_to_lose = 1
    assert ask(nas, 40, ident=4, User_Name="juan") is None
    assert not session.online


def test_reboot_drops_sessions_without_a_stop_and_changes_session_ids(server, nas):
    session = nas.pap("juan", "secret").session
    nas.reboot()
    again = nas.pap("juan", "secret").session
    nas.wait_reported(5)

    assert not session.online
    assert again.acct_session_id == "81100001"
    assert server.kinds() == ["Start", "Start"]


def test_home_router_redials_after_a_reject_and_a_disconnect(server, nas):
    server.password = "changed"
    with HomeRouter(nas, "juan", "secret", "pap", backoff_seconds=0.02) as router:
        router.wait_rejected(5)
        server.password = "secret"
        first = router.wait_online(5)

        server.reply = {"Mikrotik-Address-List": "fenced"}
        assert ask(nas, 40, User_Name="juan").code == 41
        second = router.wait_fenced(5, "fenced")
        assert second is not first
    assert router.session is None


def test_wait_timeout_says_what_was_missing(nas):
    with pytest.raises(TimeoutError, match="juan is not online"):
        HomeRouter(nas, "juan", "secret", "pap").wait_online(0.01)
