"""CoA-Requests and Disconnect-Requests, checked with pyrad, and the results of answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from contracts.radius import RequestKind, RequestOutcome
from pyrad.packet import CoAPacket
from radius_svc.protocol import coa
from radius_svc.protocol.coa import Target, send
from radius_svc.protocol.packet import ACCT_SESSION_ID, USER_NAME, attribute
from simulators.nas import DICTIONARY, SESSION_NOT_FOUND, Faults, NasSession, SimulatedNas

SECRET = b"nas-shared-secret"
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
KINDS = list(RequestKind)
JUAN = attribute(USER_NAME, b"juan") + attribute(ACCT_SESSION_ID, b"81000001")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coa, "WAITS_SECONDS", (0.05, 0.05, 0.05))


def ask(port: int, kind: RequestKind = RequestKind.DISCONNECT, **changes) -> coa.CoaResult:
    target = {"address": "127.0.0.1", "port": port, "secret": SECRET} | changes
    return send(kind, Target(**target), JUAN, now=lambda: NOW)


@pytest.fixture
def nas() -> Iterator[SimulatedNas]:
    faults = Faults(lose_accounting=True)
    with SimulatedNas(secret=SECRET, auth_port=9, acct_port=9, faults=faults) as nas:
        yield nas


@pytest.fixture
def juan(nas: SimulatedNas) -> NasSession:
    live = NasSession("juan", "81000001", 1, "", "10.0.0.1", None, None, None, None, None, None, 0.0)
    nas.begin(live)
    return live


class Scripted:
    """A NAS that keeps the packets it receives and answers with `answers(packet)`."""

    def __init__(self, answers: Callable[[bytes], list[bytes]], family: int = socket.AF_INET) -> None:
        self.received: list[bytes] = []
        self._answers = answers
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self._socket.settimeout(5)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while octets := self._socket.recvfrom(4096):
            if not octets[0]:
                return
            self.received.append(octets[0])
            for answer in self._answers(octets[0]):
                self._socket.sendto(answer, octets[1])

    def close(self) -> None:
        """Runs until it receives an empty datagram."""
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    made: list[Scripted] = []

    def make(answers: Callable[[bytes], list[bytes]], **more) -> Scripted:
        made.append(Scripted(answers, **more))
        return made[-1]

    yield make
    for nas in made:
        nas.close()


def reply_to(octets: bytes, code: int, secret: bytes = SECRET, **attributes) -> bytes:
    reply = CoAPacket(secret=SECRET, dict=DICTIONARY, packet=octets).CreateReply()
    reply.code, reply.secret = code, secret
    for name, value in attributes.items():
        reply[name.replace("_", "-")] = value
    return reply.ReplyPacket()


@pytest.mark.parametrize("kind", KINDS)
def test_pyrad_accepts_authenticator_and_message_authenticator(kind, scripted):
    nas = scripted(lambda _octets: [])
    ask(nas.port, kind)

    request = CoAPacket(secret=SECRET, dict=DICTIONARY, packet=nas.received[0])
    assert request.code == coa.CODES[kind][0]
    assert request.VerifyCoARequest()
    assert request.message_authenticator
    assert request.verify_message_authenticator()
    assert nas.received[0][20] == 80, "Message-Authenticator is the first attribute"
    assert (request["User-Name"], request["Acct-Session-Id"]) == (["juan"], ["81000001"])
    forged = CoAPacket(secret=b"another", dict=DICTIONARY, packet=nas.received[0])
    assert not forged.VerifyCoARequest()


def test_the_router_obeys(nas, juan):
    answer = ask(nas.coa_port)
    assert (answer.outcome, answer.error_cause) == (RequestOutcome.ACKED, None)
    assert answer.sent_at == answer.answered_at == NOW
    with nas.changed:
        assert nas.changed.wait_for(lambda: not juan.online, 2)


def test_a_retransmission_is_the_same_packet_and_done_once(nas, juan):
    nas.faults.coa_replies_to_lose = 2
    assert ask(nas.coa_port).outcome is RequestOutcome.ACKED
    assert len(nas.coa_exchanges) == 1


def test_every_try_has_the_same_octets(scripted):
    nas = scripted(lambda _octets: [])
    assert ask(nas.port).outcome is RequestOutcome.TIMED_OUT
    assert len(nas.received) == 3
    assert len(set(nas.received)) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unanswered", [0, 1, 2])
def test_the_result_says_how_often_the_packet_was_sent(scripted, kind, unanswered):
    seen: list[bytes] = []

    def answers(octets: bytes) -> list[bytes]:
        seen.append(octets)
        return [reply_to(octets, coa.CODES[kind][1])] if len(seen) > unanswered else []

    answer = ask(scripted(answers).port, kind)
    assert (answer.outcome, answer.tries) == (RequestOutcome.ACKED, unanswered + 1)


def test_a_late_answer_to_the_first_packet_counts(nas, juan):
    """Both are the same packet, so the answer fits both. The NAS obeys only once."""
    nas.faults.coa_delay_seconds = 0.07
    answer = ask(nas.coa_port)
    assert answer.outcome is RequestOutcome.ACKED
    assert answer.tries > 1
    with nas.changed:
        assert nas.changed.wait_for(lambda: not juan.online, 2)
    assert len(nas.coa_exchanges) == 1


def test_an_answer_after_the_last_time_out_is_ignored(nas, juan):
    nas.faults.coa_delay_seconds = 0.4
    answer = ask(nas.coa_port)
    assert (answer.outcome, answer.tries) == (RequestOutcome.TIMED_OUT, 3)


@pytest.mark.parametrize("code", [coa.DISCONNECT_ACK, coa.DISCONNECT_NAK])
def test_a_forged_answer_counts_as_no_answer(scripted, code):
    """Without the secret nobody can pretend that the request was obeyed or that the session is gone."""
    causes = {"Error_Cause": SESSION_NOT_FOUND} if code == coa.DISCONNECT_NAK else {}
    nas = scripted(lambda octets: [reply_to(octets, code, secret=b"another", **causes)])
    answer = ask(nas.port)
    assert (answer.outcome, answer.error_cause) == (RequestOutcome.TIMED_OUT, None)


def test_the_secret_is_not_in_the_repr():
    assert SECRET.decode() not in repr(Target("127.0.0.1", 3799, SECRET))


def test_two_requests_are_two_packets(scripted):
    nas = scripted(lambda octets: [reply_to(octets, coa.DISCONNECT_ACK)])
    ask(nas.port)
    time.sleep(0)
    ask(nas.port)
    # The identifier may by chance be the same; then RFC 5176 lets the NAS answer from memory, which is right:
    # the same session is to be ended.
    assert len(nas.received) == 2


@pytest.mark.parametrize("cause", [SESSION_NOT_FOUND, 403])
def test_a_refusal_has_its_error_cause(nas, cause):
    nas.faults.nak_coa_with = cause
    answer = ask(nas.coa_port)
    assert (answer.outcome, answer.error_cause) == (RequestOutcome.NACKED, cause)
    assert answer.detail == f"Error-Cause {cause}"


def test_a_refusal_may_have_no_error_cause(scripted):
    nas = scripted(lambda octets: [reply_to(octets, coa.DISCONNECT_NAK)])
    answer = ask(nas.port)
    assert (answer.outcome, answer.error_cause) == (RequestOutcome.NACKED, None)


def test_forged_answers_before_the_genuine_one_are_ignored(scripted):
    def answers(octets: bytes) -> list[bytes]:
        genuine = reply_to(octets, coa.DISCONNECT_ACK)
        other_identifier = bytes((genuine[0], genuine[1] ^ 1)) + genuine[2:]
        return [
            b"",
            b"\x29",
            genuine[:19],
            genuine + b"\0",
            other_identifier,
            reply_to(octets, coa.DISCONNECT_ACK, secret=b"another"),
            reply_to(octets, coa.COA_ACK),
            reply_to(octets, coa.DISCONNECT_NAK, Error_Cause=SESSION_NOT_FOUND),
        ]

    nas = scripted(answers)
    assert ask(nas.port).error_cause == SESSION_NOT_FOUND


def test_with_different_secrets_nobody_answers(nas, juan):
    assert ask(nas.coa_port, secret=b"another").outcome is RequestOutcome.TIMED_OUT
    assert juan.online


def test_a_flood_of_forged_answers_does_not_delay_the_result(scripted):
    nas = scripted(lambda octets: [octets] * 200)
    began = time.monotonic()
    assert ask(nas.port).outcome is RequestOutcome.TIMED_OUT
    assert time.monotonic() - began < 1


def test_a_closed_port_counts_as_no_answer_and_is_retried(monkeypatch):
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    began = time.monotonic()
    answer = ask(port)
    assert (answer.outcome, answer.detail) == (RequestOutcome.TIMED_OUT, "no answer")
    assert 0.1 < time.monotonic() - began < 1


@pytest.mark.parametrize("changes", [{"address": "no-such-host.invalid"}, {"port": 70_000}, {"port": 0}])
def test_a_packet_that_cannot_be_sent_has_a_result_too(changes):
    answer = ask(**{"port": 3799, **changes})
    assert (answer.outcome, answer.answered_at) == (RequestOutcome.TIMED_OUT, None)


def test_requests_reach_a_router_with_an_ipv6_address(scripted):
    nas = scripted(lambda octets: [reply_to(octets, coa.DISCONNECT_ACK)], family=socket.AF_INET6)
    assert ask(nas.port, address="::1").outcome is RequestOutcome.ACKED


@pytest.mark.parametrize("broken", [b"\x65\x06\0\0", b"\x65\x01", b"\x65", b"\x65\x05\0\1\xf7"])
def test_an_invalid_error_cause_is_ignored(broken):
    assert coa._error_cause(bytes(20) + broken) in (None, 0)
