"""A simulated MikroTik: a PPPoE server that speaks RADIUS over real sockets.

It authenticates home routers (PAP, CHAP, MS-CHAPv2), reports their sessions, and obeys CoA-Request and
Disconnect-Request, with faults where a test or the demo asks for them. Plain sockets and threads, so it
works the same with and without eventlet's monkey patching.

    python -m simulators.nas --secret s3cret --subscriber juan:secret --subscriber pedro:secret
"""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
import itertools
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import (
    AccessAccept,
    AccessReject,
    AccountingResponse,
    AcctPacket,
    AuthPacket,
    CoAACK,
    CoANAK,
    CoAPacket,
    CoARequest,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    PacketError,
)

from simulators.mschap_client import MsChap2Exchange

DICTIONARY = Dictionary(str(Path(__file__).with_name("dictionary.radius")))

# RFC 5176 3.5
MISSING_ATTRIBUTE = 402
NAS_IDENTIFICATION_MISMATCH = 403
SESSION_NOT_FOUND = 503

_LARGEST_DATAGRAM = 4096
_REPLIES_KEPT = 64
_FIRST_NAS_PORT = 15_728_640


class Method(StrEnum):
    """How a home router proves its password."""

    PAP = "pap"
    CHAP = "chap"
    MSCHAP2 = "mschap2"


class Outcome(StrEnum):
    """What became of a dial."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"  # also when the answer was not genuine: a router drops it and waits on
    SERVER_NOT_GENUINE = "server_not_genuine"  # MS-CHAP2-Success does not prove the password


@dataclass(eq=False)
class NasSession:
    """One PPPoE session on this NAS. Octets are as the subscriber sees them."""

    username: str
    acct_session_id: str
    nas_port: int
    calling_station_id: str
    framed_ip_address: str
    rate_limit: str | None
    address_list: str | None
    radius_class: bytes | None
    interim_seconds: float | None
    session_timeout_seconds: float | None
    mppe_keys: tuple[bytes, bytes] | None = field(repr=False)
    started_at: float
    upload_octets: int = 0
    download_octets: int = 0
    ended_by: str | None = None
    next_interim_at: float | None = None

    @property
    def online(self) -> bool:
        return self.ended_by is None


@dataclass(frozen=True)
class Dial:
    """The result of one dial. `error` is what MS-CHAP-Error or Reply-Message said."""

    outcome: Outcome
    session: NasSession | None = None
    error: str = ""
    attributes: dict[str, list[Any]] = field(default_factory=dict)


@dataclass
class Faults:
    """What this NAS does wrong. Change it at any time."""

    ignore_coa: bool = False
    nak_coa_with: int | None = None  # an Error-Cause
    acknowledge_but_ignore: bool = False
    coa_delay_seconds: float = 0.0
    duplicate_coa_replies: bool = False
    coa_replies_to_lose: int = 0
    lose_accounting: bool = False


@dataclass(frozen=True)
class CoaExchange:
    """One CoA-Request or Disconnect-Request that came, and what was answered (None: nothing)."""

    kind: str
    username: str | None
    acknowledged: bool | None
    error_cause: int | None = None


class SimulatedNas:
    """Use as a context manager, or `start()` and `close()`."""

    def __init__(
        self,
        *,
        secret: bytes,
        auth_port: int,
        acct_port: int,
        radius_host: str = "127.0.0.1",
        source_address: str = "127.0.0.1",
        nas_ip_address: str | None = None,
        identity: str = "sim-router",
        service_name: str = "pppoe",
        port_id: str = "ether2",
        coa_port: int = 0,
        pool: str = "10.64.0.0/16",
        interim_seconds: float | None = None,
        octets_per_second: tuple[int, int] = (0, 0),
        timeout_seconds: float = 1.0,
        tries: int = 3,
        boot: int = 0,
        sign_access_requests: bool = True,
        faults: Faults | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        """`coa_port` 0 takes a free one; `interim_seconds` overrides what the server asks for;
        `octets_per_second` is the traffic every session makes by itself (upload, download)."""
        self._secret = secret
        self._auth_address = (radius_host, auth_port)
        self._acct_address = (radius_host, acct_port)
        self._source_address = source_address
        self.nas_ip_address = nas_ip_address or source_address
        self.identity = identity
        self._service_name = service_name
        self._port_id = port_id
        self._wanted_coa_port = coa_port
        self._pool = itertools.cycle(ipaddress.IPv4Network(pool).hosts())
        self._interim_seconds = interim_seconds
        self._octets_per_second = octets_per_second
        self._timeout_seconds = timeout_seconds
        self._tries = tries
        self._boot = boot
        self._sign_access_requests = sign_access_requests
        self._on_event = on_event or (lambda _line: None)
        self.faults = faults or Faults()
        self.changed = threading.Condition()
        self.coa_exchanges: list[CoaExchange] = []
        self._sessions: dict[str, NasSession] = {}
        self._session_counter = 0
        self._identifiers = itertools.cycle(range(256))
        self._reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._unreported = 0
        self._coa_replies: OrderedDict[tuple[Any, ...], bytes | None] = OrderedDict()
        self._closed = False
        self._coa_socket: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    # ---- life

    def start(self) -> SimulatedNas:
        """Open the CoA port and begin. Raises OSError if the port is taken."""
        self._coa_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._coa_socket.bind((self._source_address, self._wanted_coa_port))
        for target in (self._listen_for_coa, self._keep_time, self._send_reports):
            thread = threading.Thread(target=target, name=f"{self.identity}-{target.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def close(self) -> None:
        """Stop all threads. Sessions are left as they are: this is a NAS losing power."""
        with self.changed:
            if self._closed:
                return
            self._closed = True
            self.changed.notify_all()
        self._reports.put(None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self._source_address, self.coa_port))
        for thread in self._threads:
            thread.join(timeout=self._timeout_seconds * self._tries + 1)
        assert self._coa_socket is not None
        self._coa_socket.close()

    def __enter__(self) -> SimulatedNas:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def coa_port(self) -> int:
        """Where CoA-Request and Disconnect-Request are to be sent."""
        assert self._coa_socket is not None, "the NAS is not started"
        return int(self._coa_socket.getsockname()[1])

    # ---- what subscribers do

    def pap(self, username: str, password: str, **line: Any) -> Dial:
        return self.dial(username, password, Method.PAP, **line)

    def chap(self, username: str, password: str, **line: Any) -> Dial:
        return self.dial(username, password, Method.CHAP, **line)

    def mschap2(self, username: str, password: str, **line: Any) -> Dial:
        return self.dial(username, password, Method.MSCHAP2, **line)

    def dial(
        self, username: str, password: str, method: Method | str = Method.MSCHAP2, *, mac: str | None = None
    ) -> Dial:
        """One dial-in. Blocks until it is answered, or no answer came in all tries."""
        mac = mac or _mac_of(username)
        with self.changed:
            acct_session_id, nas_port = self._next_session_id()
        request = AuthPacket(secret=self._secret, dict=DICTIONARY, id=next(self._identifiers))
        request.authenticator = os.urandom(16)
        if self._sign_access_requests:
            request.add_message_authenticator()
        _add(request, self._line_attributes(username, mac, nas_port), acct_session_id)
        exchange = _add_proof(request, username, password, Method(method))
        reply = self._ask(request, self._auth_address)
        dial = self._conclude(reply, exchange, username, mac, acct_session_id, nas_port)
        if dial.session is not None:
            self._open(dial.session)
        else:
            self._tell(f"{username}: {dial.outcome.value} {dial.error}".rstrip())
        return dial

    def hang_up(self, username: str, cause: str = "User-Request") -> None:
        """The subscriber's side ends its sessions."""
        for session in self.sessions(username):
            self._end(session, cause)

    def pass_traffic(self, username: str, *, upload_octets: int = 0, download_octets: int = 0) -> None:
        with self.changed:
            for session in self.sessions(username):
                session.upload_octets += upload_octets
                session.download_octets += download_octets

    # ---- what is to be seen

    def sessions(self, username: str | None = None) -> list[NasSession]:
        """The sessions now online, of one login or all."""
        with self.changed:
            return [s for s in self._sessions.values() if username is None or s.username == username]

    def wait_reported(self, timeout: float) -> None:
        """Until the server has acknowledged (or given up on) all accounting so far. Raises TimeoutError."""
        with self.changed:
            if not self.changed.wait_for(lambda: self._unreported == 0, timeout):
                raise TimeoutError(f"{self._unreported} accounting packets are not acknowledged")

    # ---- what the router does

    def send_interims(self) -> None:
        """An Interim-Update of every session, now."""
        for session in self.sessions():
            self._report("Interim-Update", session)

    def use_server(self, *, auth_port: int, acct_port: int) -> None:
        """Ask and report to another RADIUS server from the next packet on. Its sessions live on."""
        self._auth_address = (self._auth_address[0], auth_port)
        self._acct_address = (self._acct_address[0], acct_port)

    def send_accounting_on(self) -> None:
        self._enqueue({"Acct-Status-Type": "Accounting-On"})

    def send_accounting_off(self) -> None:
        self._enqueue({"Acct-Status-Type": "Accounting-Off"})

    def reboot(self) -> None:
        """Sessions vanish without a Stop, and session ids carry the next boot digit."""
        with self.changed:
            for session in self._sessions.values():
                session.ended_by = "reboot"
            self._sessions.clear()
            self._boot = (self._boot + 1) % 16
            self._session_counter = 0
            self.changed.notify_all()
        self._tell(f"{self.identity} rebooted")

    # ---- authentication

    def _line_attributes(self, username: str, mac: str, nas_port: int) -> dict[str, Any]:
        return {
            "Service-Type": "Framed-User",
            "Framed-Protocol": "PPP",
            "NAS-Port": nas_port,
            "NAS-Port-Type": "Ethernet",
            "User-Name": username,
            "Calling-Station-Id": mac,
            "Called-Station-Id": self._service_name,
            "NAS-Port-Id": self._port_id,
            "NAS-Identifier": self.identity,
            "NAS-IP-Address": self.nas_ip_address,
        }

    def _conclude(
        self,
        reply: Any | None,
        exchange: MsChap2Exchange | None,
        username: str,
        mac: str,
        acct_session_id: str,
        nas_port: int,
    ) -> Dial:
        if reply is None:
            return Dial(Outcome.NO_ANSWER)
        given = {name: reply[name] for name in reply.keys() if isinstance(name, str)}  # noqa: SIM118 - pyrad
        if reply.code == AccessReject:
            return Dial(Outcome.REJECTED, error=_error_text(given), attributes=given)
        if exchange is not None and not exchange.server_is_genuine(_first(given, "MS-CHAP2-Success") or b""):
            return Dial(Outcome.SERVER_NOT_GENUINE, attributes=given)
        keys = _mppe_keys(given) if exchange is not None else None
        if exchange is not None and keys != exchange.keys():
            return Dial(Outcome.SERVER_NOT_GENUINE, error="MPPE keys differ", attributes=given)
        session = NasSession(
            username=username,
            acct_session_id=acct_session_id,
            nas_port=nas_port,
            calling_station_id=mac,
            framed_ip_address=_first(given, "Framed-IP-Address") or self._pool_address(),
            rate_limit=_first(given, "Mikrotik-Rate-Limit"),
            address_list=_first(given, "Mikrotik-Address-List"),
            radius_class=_first(given, "Class"),
            interim_seconds=self._interim_seconds or _first(given, "Acct-Interim-Interval"),
            session_timeout_seconds=_first(given, "Session-Timeout"),
            mppe_keys=keys,
            started_at=time.monotonic(),
        )
        return Dial(Outcome.ACCEPTED, session=session, attributes=given)

    def _pool_address(self) -> str:
        with self.changed:
            return str(next(self._pool))

    def _next_session_id(self) -> tuple[str, int]:
        """`81` is PPPoE, then one symbol for the boot, then a counter of five."""
        self._session_counter += 1
        return f"81{self._boot:x}{self._session_counter:05x}", _FIRST_NAS_PORT + self._session_counter

    # ---- sessions and accounting

    def _open(self, session: NasSession) -> None:
        with self.changed:
            self._sessions[session.acct_session_id] = session
            if session.interim_seconds:
                session.next_interim_at = session.started_at + session.interim_seconds
            self.changed.notify_all()
        fence = f" on list {session.address_list}" if session.address_list else ""
        self._tell(
            f"{session.username}: online {session.framed_ip_address} {session.rate_limit or 'no rate'}{fence}"
        )
        self._report("Start", session)

    def _end(self, session: NasSession, cause: str) -> None:
        with self.changed:
            if self._sessions.pop(session.acct_session_id, None) is None:
                return
            session.ended_by = cause
            self.changed.notify_all()
        self._tell(f"{session.username}: offline ({cause})")
        self._report("Stop", session)

    def _report(self, status: str, session: NasSession) -> None:
        """Note what is to be said now; it may reach the server later, with Acct-Delay-Time."""
        seconds = time.monotonic() - session.started_at
        upload = session.upload_octets + int(seconds * self._octets_per_second[0])
        download = session.download_octets + int(seconds * self._octets_per_second[1])
        report = self._line_attributes(session.username, session.calling_station_id, session.nas_port)
        report |= {
            "Acct-Status-Type": status,
            "Acct-Session-Id": session.acct_session_id,
            "Acct-Authentic": "RADIUS",
            "Framed-IP-Address": session.framed_ip_address,
        }
        if session.radius_class is not None:
            report["Class"] = session.radius_class
        if status != "Start":
            report |= {
                "Acct-Session-Time": int(seconds),
                "Acct-Input-Octets": upload & 0xFFFFFFFF,
                "Acct-Input-Gigawords": upload >> 32,
                "Acct-Output-Octets": download & 0xFFFFFFFF,
                "Acct-Output-Gigawords": download >> 32,
                "Acct-Input-Packets": upload // 1000,
                "Acct-Output-Packets": download // 1000,
            }
        if status == "Stop":
            report["Acct-Terminate-Cause"] = session.ended_by
        self._enqueue(report)

    def _enqueue(self, report: dict[str, Any]) -> None:
        if self.faults.lose_accounting:
            return
        with self.changed:
            self._unreported += 1
        self._reports.put({"NAS-Identifier": self.identity, "NAS-IP-Address": self.nas_ip_address} | report)

    def _send_reports(self) -> None:
        """One after the other, as a router does: what waits behind a lost packet comes late."""
        while (report := self._reports.get()) is not None and not self._closed:
            request = AcctPacket(secret=self._secret, dict=DICTIONARY, id=next(self._identifiers))
            _add(request, report | {"Acct-Delay-Time": 0})
            if self._ask(request, self._acct_address) is None:
                self._tell(f"accounting {report['Acct-Status-Type']} was not acknowledged")
            with self.changed:
                self._unreported -= 1
                self.changed.notify_all()

    def _keep_time(self) -> None:
        """Sends the Interim-Updates and ends sessions whose Session-Timeout is over."""
        while True:
            with self.changed:
                if self._closed:
                    return
                due = self._next_due()
                if due is None or due > time.monotonic():
                    self.changed.wait(None if due is None else max(0.0, due - time.monotonic()))
                    continue
            self._do_what_is_due()

    def _next_due(self) -> float | None:
        instants = [s.next_interim_at for s in self._sessions.values() if s.next_interim_at is not None]
        instants += [
            s.started_at + s.session_timeout_seconds
            for s in self._sessions.values()
            if s.session_timeout_seconds is not None
        ]
        return min(instants, default=None)

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        for session in self.sessions():
            limit = session.session_timeout_seconds
            if limit is not None and now >= session.started_at + limit:
                self._end(session, "Session-Timeout")
            elif session.next_interim_at is not None and now >= session.next_interim_at:
                assert session.interim_seconds is not None
                session.next_interim_at = now + session.interim_seconds
                self._report("Interim-Update", session)

    def _ask(self, request: Any, address: tuple[str, int]) -> Any | None:
        """Send and wait, again with the same identifier and authenticator; None if nothing genuine came."""
        octets = request.RequestPacket()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((self._source_address, 0))
            for _ in range(self._tries):
                sock.sendto(octets, address)
                reply = self._await_reply(sock, request)
                if reply is not None or self._closed:
                    return reply
        return None

    def _await_reply(self, sock: socket.socket, request: Any) -> Any | None:
        until = time.monotonic() + self._timeout_seconds
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                octets = sock.recv(_LARGEST_DATAGRAM)
                reply = request.CreateReply(packet=octets)
            except TimeoutError:
                return None
            except PacketError:
                continue
            reply.request_authenticator = request.authenticator  # salt-encrypted keys depend on it
            if reply.code in (AccessAccept, AccessReject, AccountingResponse) and request.VerifyReply(
                reply, octets, enforce_ma=True
            ):
                return reply
        return None

    # ---- CoA

    def _listen_for_coa(self) -> None:
        assert self._coa_socket is not None
        while True:
            octets, address = self._coa_socket.recvfrom(_LARGEST_DATAGRAM)
            if self._closed:
                return
            self._handle_coa(octets, address)

    def _handle_coa(self, octets: bytes, address: Any) -> None:
        request = self._genuine_coa(octets)
        if request is None or self.faults.ignore_coa:
            return
        key = (address, request.id, request.authenticator)
        if key in self._coa_replies:  # a retransmission is answered again, not done again
            self._send_coa_reply(self._coa_replies[key], address)
            return
        if self.faults.coa_delay_seconds:
            time.sleep(self.faults.coa_delay_seconds)
        session, error_cause = self._coa_target(request)
        if self.faults.nak_coa_with is not None:
            error_cause = self.faults.nak_coa_with
        reply = _coa_reply(request, error_cause)
        self._coa_replies[key] = reply
        while len(self._coa_replies) > _REPLIES_KEPT:
            self._coa_replies.popitem(last=False)
        self._note_coa(request, error_cause)
        self._send_coa_reply(reply, address)
        if error_cause is None and session is not None and not self.faults.acknowledge_but_ignore:
            self._obey(request, session)

    def _genuine_coa(self, octets: bytes) -> Any | None:
        try:
            request = CoAPacket(secret=self._secret, dict=DICTIONARY, packet=octets)
        except PacketError:
            return None
        if request.code not in (CoARequest, DisconnectRequest) or not request.VerifyCoARequest():
            return None
        if request.message_authenticator and not request.verify_message_authenticator():
            return None
        return request

    def _coa_target(self, request: Any) -> tuple[NasSession | None, int | None]:
        """The session meant, or an Error-Cause. Everything that identifies it must be right."""
        nas_ip_address = _first(request, "NAS-IP-Address")
        if nas_ip_address is not None and nas_ip_address != self.nas_ip_address:
            return None, NAS_IDENTIFICATION_MISMATCH
        given = {
            "acct_session_id": _first(request, "Acct-Session-Id"),
            "username": _first(request, "User-Name"),
            "framed_ip_address": _first(request, "Framed-IP-Address"),
        }
        wanted = {name: value for name, value in given.items() if value is not None}
        if not wanted:
            return None, MISSING_ATTRIBUTE
        for session in self.sessions():
            if all(getattr(session, name) == value for name, value in wanted.items()):
                return session, None
        return None, SESSION_NOT_FOUND

    def _note_coa(self, request: Any, error_cause: int | None) -> None:
        kind = "disconnect" if request.code == DisconnectRequest else "coa"
        username = _first(request, "User-Name")
        with self.changed:
            self.coa_exchanges.append(CoaExchange(kind, username, error_cause is None, error_cause))
            self.changed.notify_all()
        self._tell(
            f"{username}: {kind} {'acknowledged' if error_cause is None else f'refused {error_cause}'}"
        )

    def _send_coa_reply(self, reply: bytes | None, address: Any) -> None:
        assert self._coa_socket is not None and reply is not None
        if self.faults.coa_replies_to_lose > 0:
            self.faults.coa_replies_to_lose -= 1
            return
        for _ in range(2 if self.faults.duplicate_coa_replies else 1):
            self._coa_socket.sendto(reply, address)

    def _obey(self, request: Any, session: NasSession) -> None:
        if request.code == DisconnectRequest:
            self._end(session, "Admin-Reset")
            return
        with self.changed:
            session.rate_limit = _first(request, "Mikrotik-Rate-Limit") or session.rate_limit
            session.address_list = _first(request, "Mikrotik-Address-List") or session.address_list
            session.session_timeout_seconds = (
                _first(request, "Session-Timeout") or session.session_timeout_seconds
            )
            self.changed.notify_all()
        self._tell(f"{session.username}: now {session.rate_limit}, list {session.address_list}")

    def _tell(self, line: str) -> None:
        self._on_event(line)


def _mac_of(username: str) -> str:
    """A MAC address in capitals, the same for the same login every time."""
    digest = hashlib.sha256(username.encode()).digest()
    return ":".join(f"{octet:02X}" for octet in (0x02, *digest[:5]))


def _add(request: Any, attributes: dict[str, Any], acct_session_id: str | None = None) -> None:
    for name, value in attributes.items():
        request[name] = value
    if acct_session_id is not None:
        request["Acct-Session-Id"] = acct_session_id


def _add_proof(request: Any, username: str, password: str, method: Method) -> MsChap2Exchange | None:
    if method is Method.PAP:
        request["User-Password"] = request.PwCrypt(password)
        return None
    if method is Method.CHAP:
        ident, challenge = b"\x01", os.urandom(16)
        digest = hashlib.md5(ident + password.encode() + challenge).digest()  # noqa: S324 - RFC 1994
        request["CHAP-Challenge"] = challenge
        request["CHAP-Password"] = ident + digest
        return None
    exchange = MsChap2Exchange.begin(username, password)
    request["MS-CHAP-Challenge"] = exchange.authenticator_challenge
    request["MS-CHAP2-Response"] = exchange.response_attribute()
    return exchange


def _first(attributes: Any, name: str) -> Any | None:
    values = attributes[name] if name in attributes else None  # noqa: SIM401 - pyrad has its own get()
    return values[0] if values else None


def _error_text(given: dict[str, list[Any]]) -> str:
    error = _first(given, "MS-CHAP-Error")
    if error is not None:
        return str(error[1:].decode("ascii", "replace"))
    return str(_first(given, "Reply-Message") or "")


def _mppe_keys(given: dict[str, list[Any]]) -> tuple[bytes, bytes] | None:
    """What the subscriber sends with and receives with: the NAS's receive and send keys."""
    receive, send = _first(given, "MS-MPPE-Recv-Key"), _first(given, "MS-MPPE-Send-Key")
    return None if receive is None or send is None else (receive, send)


def _coa_reply(request: Any, error_cause: int | None) -> bytes:
    reply = request.CreateReply()
    if request.code == DisconnectRequest:
        reply.code = DisconnectACK if error_cause is None else DisconnectNAK
    else:
        reply.code = CoAACK if error_cause is None else CoANAK
    if error_cause is not None:
        reply["Error-Cause"] = error_cause
    return bytes(reply.ReplyPacket())


def main(arguments: list[str] | None = None) -> None:
    from simulators.home_router import HomeRouter

    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    nas = SimulatedNas(
        secret=options.secret.encode(),
        radius_host=options.radius_host,
        auth_port=options.auth_port,
        acct_port=options.acct_port,
        coa_port=options.coa_port,
        source_address=options.source_address,
        identity=options.identity,
        interim_seconds=options.interim_seconds,
        octets_per_second=(20_000, 200_000),
        on_event=lambda line: print(time.strftime("%H:%M:%S"), line, flush=True),
    )
    with ExitStack() as running:
        running.enter_context(nas)
        for username, _, password in (pair.partition(":") for pair in options.subscriber):
            running.enter_context(HomeRouter(nas, username, password, options.method))
        threading.Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators.nas", description="A simulated PPPoE router")
    parser.add_argument("--radius-host", default="127.0.0.1")
    parser.add_argument("--auth-port", type=int, default=1812)
    parser.add_argument("--acct-port", type=int, default=1813)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--coa-port", type=int, default=3799)
    parser.add_argument("--source-address", default="127.0.0.1", help="the address the server knows us by")
    parser.add_argument("--identity", default="sim-router")
    parser.add_argument("--interim-seconds", type=float, help="instead of what the server asks for")
    parser.add_argument("--method", choices=[method.value for method in Method], default="mschap2")
    parser.add_argument(
        "--subscriber", action="append", default=[], metavar="USER:PASSWORD", help="may be given many times"
    )
    return parser


if __name__ == "__main__":
    main()
