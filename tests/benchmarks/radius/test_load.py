"""The load generator accepts only genuine answers; otherwise its results would prove nothing."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from hashlib import md5

import pytest
from eventlet.patcher import original
from testkit.pytest_plugin import require

from tests.benchmarks.radius.generator import Generator
from tests.benchmarks.radius.packets import Dialler, Method, Report
from tests.benchmarks.radius.population import OPEN_GENERATION, Population

# This thread waits for the generator, so the answering side needs a real thread.
socket, threading = original("socket"), original("threading")

PEOPLE = Population(size=8, closed_sessions=0, routers=2)
SECRETS = {router.address: router.secret.encode() for router in PEOPLE.clients}
ANSWER_CODES = {1: 2, 4: 5}
SIGNATURE = bytes((80, 18))
IMPATIENT = {"timeout": 0.05, "tries": 2}


def signed(packet: bytes, authenticator: bytes, secret: bytes, at: int) -> bytes:
    """Sign with a Message-Authenticator whose value starts at this offset."""
    zeros = packet[:4] + authenticator + packet[20:at] + bytes(16) + packet[at + 16 :]
    return packet[:at] + hmac.digest(secret, zeros, "md5") + packet[at + 16 :]


def authenticated(packet: bytes, authenticator: bytes, secret: bytes) -> bytes:
    digest = md5(packet[:4] + authenticator + packet[20:] + secret).digest()
    return packet[:4] + digest + packet[20:]


def is_genuine(request: bytes, secret: bytes) -> bool:
    """Check it as a server does, with other code than the generator's."""
    if request[0] == 4:
        return authenticated(request, bytes(16), secret) == request
    return signed(request, request[4:20], secret, len(request) - 16) == request


def answer(
    request: bytes,
    secret: bytes,
    *,
    code: int | None = None,
    signature: bool = True,
    signing_secret: bytes | None = None,
) -> bytes:
    attributes = SIGNATURE + bytes(16) if signature else b"\x06\x06\x00\x00\x00\x02"
    code = ANSWER_CODES[request[0]] if code is None else code
    packet = bytes((code, request[1])) + (20 + len(attributes)).to_bytes(2, "big") + bytes(16) + attributes
    if signature:
        packet = signed(packet, request[4:20], signing_secret or secret, 22)
    return authenticated(packet, request[4:20], secret)


def flipped(packet: bytes, at: int) -> bytes:
    return packet[:at] + bytes((packet[at] ^ 1,)) + packet[at + 1 :]


Answer = Callable[[bytes, bytes], "bytes | None"]


class Answering:
    """One socket for both ports. Records the requests, and answers them with `answer`."""

    def __init__(self, answer: Answer, *, elsewhere: bool = False) -> None:
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._replying = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if elsewhere else self._socket
        self.port = self._socket.getsockname()[1]
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as farewell:
            farewell.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()
        self._replying.close()

    def _run(self) -> None:
        while True:
            request, sender = self._socket.recvfrom(4096)
            if not request:
                return
            self.asked.append(request)
            reply = self._answer(request, SECRETS[sender[0]])
            if reply is not None:
                self._replying.sendto(reply, sender)


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    require("compiler")
    return Generator(tmp_path_factory.mktemp("generator"), PEOPLE.clients)


@pytest.fixture
def answering() -> Iterator[Callable[[Answer], Answering]]:
    running: list[Answering] = []

    def start(answer: Answer, **how: bool) -> Answering:
        running.append(Answering(answer, **how))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def load(generator, answering):
    """Call it with requests and how to answer them. Returns the generator's results and the requests seen."""

    def run(requests, answer, *, elsewhere=False, **options):
        server = answering(answer, elsewhere=elsewhere)
        path = generator.write("test", requests)
        seen = generator.run(path, auth_port=server.port, acct_port=server.port, **options)
        return seen, server.asked

    return run


def logins(method=Method.PAP):
    """Dial-ins of everyone with the right password."""
    return list(Dialler(PEOPLE).dials(method, times=1))


def reports(kind=Report.START):
    return list(Dialler(PEOPLE).reports(kind, PEOPLE.subscribers, OPEN_GENERATION))


ALL_KINDS = [
    *[pytest.param(logins(method), id=method) for method in Method],
    *[pytest.param(reports(kind), id=kind) for kind in (Report.START, Report.INTERIM, Report.STOP)],
    *[pytest.param(list(Dialler(PEOPLE).restarts(kind)), id=kind) for kind in (Report.ON, Report.OFF)],
]


@pytest.mark.parametrize("requests", ALL_KINDS)
def test_every_request_is_genuine_and_its_answer_counts(load, requests):
    seen, asked = load(requests, answer)

    assert len(asked) == len(requests) == seen.answered
    assert all(any(is_genuine(request, secret) for secret in SECRETS.values()) for request in asked)
    assert (seen.lost, seen.retransmitted, seen.wrong, seen.forged, seen.unsigned) == (0, 0, 0, 0, 0)


def with_wrong_authenticator(request, secret):
    return flipped(answer(request, secret), 4)


def with_wrong_signature(request, secret):
    return answer(request, secret, signing_secret=b"of somebody else")


def by_another_secret(request, _secret):
    return answer(request, b"of somebody else")


def changed_on_the_way(request, secret):
    return flipped(answer(request, secret, signature=False), -1)


def another_code_on_the_way(request, secret):
    return flipped(answer(request, secret), 0)


def to_another_request(request, secret):
    return answer(request[:4] + bytes(16) + request[20:], secret)


def cut_off(request, secret):
    return answer(request, secret)[:-1]


@pytest.mark.parametrize(
    "forge",
    [
        with_wrong_authenticator,
        with_wrong_signature,
        by_another_secret,
        changed_on_the_way,
        another_code_on_the_way,
        to_another_request,
        cut_off,
    ],
    ids=lambda forge: forge.__name__,
)
@pytest.mark.parametrize("requests", [logins(), reports()], ids=["login", "start"])
def test_forged_answer_does_not_count(load, requests, forge):
    seen, _ = load(requests, forge, **IMPATIENT)

    assert (seen.answered, seen.lost) == (0, len(requests))
    assert seen.forged >= len(requests)


def test_answer_from_another_port_does_not_count(load):
    seen, _ = load(logins(), answer, elsewhere=True, **IMPATIENT)

    assert (seen.answered, seen.lost) == (0, PEOPLE.size)


def test_unexpected_answer_is_wrong(load):
    """The answer is genuine, but refuses the right password."""
    seen, _ = load(logins(), lambda request, secret: answer(request, secret, code=3))

    assert (seen.answered, seen.wrong, seen.forged) == (PEOPLE.size, PEOPLE.size, 0)


def test_unsigned_answer_to_a_login_is_counted(load):
    seen, _ = load(logins(), lambda request, secret: answer(request, secret, signature=False))

    assert (seen.answered, seen.unsigned, seen.forged) == (PEOPLE.size, PEOPLE.size, 0)


def test_unanswered_request_is_resent_unchanged(load):
    heard = set()

    def at_the_second_time(request, secret):
        if request in heard:
            return answer(request, secret)
        heard.add(request)
        return None

    seen, asked = load(reports(), at_the_second_time, timeout=0.1, tries=5)

    assert (seen.answered, seen.lost) == (PEOPLE.size, 0)
    assert seen.retransmitted >= PEOPLE.size
    assert set(asked) == heard
    assert seen.accounting.p50_ms >= 100  # measured from the time it was due, not from the second try


def test_unanswered_request_is_lost(load):
    seen, asked = load(logins(), lambda request, secret: None, **IMPATIENT)

    assert (seen.answered, seen.lost, seen.retransmitted) == (0, PEOPLE.size, PEOPLE.size)
    assert len(asked) == 2 * PEOPLE.size


def test_start_follows_an_accepted_login(load):
    refused = PEOPLE.subscribers[3].username.encode()

    def answer_or_refuse(request, secret):
        return answer(request, secret, code=3 if request[0] == 1 and refused in request else None)

    redials = list(Dialler(PEOPLE).redials(PEOPLE.subscribers, OPEN_GENERATION))
    seen, asked = load(redials, answer_or_refuse, window=3)

    assert (seen.access.answered, seen.accounting.answered) == (PEOPLE.size, PEOPLE.size - 1)
    assert seen.wrong == 1
    for subscriber in PEOPLE.subscribers:
        codes = [request[0] for request in asked if subscriber.username.encode() in request]
        assert codes == ([1] if subscriber.username.encode() == refused else [1, 4])


def test_open_loop_sends_requests_when_due(load):
    requests = logins()
    seen, asked = load(requests, answer, rate=100)

    assert len(asked) == PEOPLE.size
    assert 0.07 <= seen.seconds < 1.0  # the eighth is due after 70 ms


def test_file_can_be_sent_in_rounds(load):
    seen, asked = load(reports(), answer, rounds=3, window=1)

    assert seen.answered == len(asked) == 3 * PEOPLE.size
    assert len(set(asked)) == len(asked)  # each with an identifier of its own


def test_broken_files_are_refused(generator, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(logins()[0].record()[:-1])

    with pytest.raises(RuntimeError, match="a record is broken"):
        generator.run(broken)


def test_late_answer_is_not_mistaken_for_a_forged_one(load):
    """A second answer arrives after its identifier was reused: it counts for neither request."""
    answered = {}

    def answer_the_one_before(request, secret):
        identifier = (secret, request[1])
        before = answered.get(identifier)
        answered[identifier] = answer(request, secret)
        return before or answered[identifier]

    requests = list(Dialler(PEOPLE).dials(Method.PAP, times=70))  # each router has 256 identifiers
    seen, _ = load(requests, answer_the_one_before, window=1, sockets=1, timeout=0.02, tries=2)

    assert (seen.answered, seen.lost, seen.forged) == (len(requests), 0, 0)
    assert seen.stray == seen.retransmitted == len(requests) - 2 * 256
