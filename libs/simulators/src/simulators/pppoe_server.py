"""The simulated PPPoE server: dials home routers in, keeps their sessions, and obeys the RADIUS server.

It authenticates home routers (PAP, CHAP, MS-CHAPv2), reports their sessions, and obeys CoA-Request and
Disconnect-Request, with faults where a test or the demo asks for them. Plain sockets and threads, so it
works the same with and without eventlet's monkey patching.
"""

from __future__ import annotations

import ipaddress
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from pyrad.packet import AccessReject, DisconnectRequest

from simulators.accounting import AccountingQueue, session_report
from simulators.coa import CoaExchange, CoaServer, apply_change, find_target
from simulators.faults import Faults
from simulators.mschap_client import MsChap2Exchange
from simulators.packets import (
    Method,
    add_attributes,
    add_proof,
    error_text,
    first,
    mac_of,
    mppe_keys,
)
from simulators.radius_client import RadiusClient
from simulators.sessions import Dial, NasSession, Outcome

_FIRST_NAS_PORT = 15_728_640


class SimulatedNas:
    """Use as a context manager, or `start()` and `close()`. `changed` is notified when a session changes."""

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
        """`coa_port` 0 takes a free port; `interim_seconds` overrides what the server asks for;
        `octets_per_second` is the traffic of every session (upload, download)."""
        self.nas_ip_address = nas_ip_address or source_address
        self.identity = identity
        self.faults = faults or Faults()
        self.changed = threading.Condition()
        self.coa_exchanges: list[CoaExchange] = []
        self._source_address = source_address
        self._service_name = service_name
        self._port_id = port_id
        self._wanted_coa_port = coa_port
        self._pool = itertools.cycle(ipaddress.IPv4Network(pool).hosts())
        self._interim_seconds = interim_seconds
        self._octets_per_second = octets_per_second
        self._boot = boot
        self._sign_access_requests = sign_access_requests
        self._log = on_event or (lambda _line: None)
        self._sessions: dict[str, NasSession] = {}
        self._session_counter = 0
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._client = RadiusClient(
            secret=secret,
            host=radius_host,
            auth_port=auth_port,
            acct_port=acct_port,
            source_address=source_address,
            timeout_seconds=timeout_seconds,
            tries=tries,
        )
        self._accounting = AccountingQueue(self._client, self.changed, self._log)
        self._coa = CoaServer(
            secret=secret,
            faults=lambda: self.faults,
            find=self._find_coa_target,
            note=self._note_coa,
            obey=self._obey,
        )

    # ---- life

    def start(self) -> SimulatedNas:
        """Open the CoA port and start all threads. Raises OSError if the port is taken."""
        self._coa.open(self._source_address, self._wanted_coa_port)
        for name, target in (
            ("coa", self._coa.run),
            ("timers", self._keep_time),
            ("accounting", self._accounting.run),
        ):
            thread = threading.Thread(target=target, name=f"{self.identity}-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def close(self) -> None:
        """Stop all threads. No session is ended: this is a NAS losing power."""
        with self.changed:
            if self._closed:
                return
            self._closed = True
            self.changed.notify_all()
        self._client.close()
        self._accounting.close()
        self._coa.stop()
        for thread in self._threads:
            thread.join(timeout=self._client.patience_seconds + 1)
        self._coa.close()

    def __enter__(self) -> SimulatedNas:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def coa_port(self) -> int:
        """The port that takes CoA-Request and Disconnect-Request."""
        return self._coa.address[1]

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
        """One dial-in. Blocks until it is answered or all tries have timed out."""
        mac = mac or mac_of(username)
        with self.changed:
            acct_session_id, nas_port = self._next_session_id()
        request = self._client.access_request(signed=self._sign_access_requests)
        add_attributes(request, self._line_attributes(username, mac, nas_port))
        add_attributes(request, {"Acct-Session-Id": acct_session_id})
        exchange = add_proof(request, username, password, Method(method))
        reply = self._client.authenticate(request)
        dial = self._conclude(reply, exchange, username, mac, acct_session_id, nas_port)
        if dial.session is not None:
            self.begin(dial.session)
        else:
            self._log(f"{username}: {dial.outcome.value} {dial.error}".rstrip())
        return dial

    def begin(self, session: NasSession) -> None:
        """Put a session online and report its Start, as an accepted dial-in does."""
        with self.changed:
            self._sessions[session.acct_session_id] = session
            if session.interim_seconds:
                session.next_interim_at = session.started_at + session.interim_seconds
            self.changed.notify_all()
        fence = f" on list {session.address_list}" if session.address_list else ""
        self._log(
            f"{session.username}: online {session.framed_ip_address} {session.rate_limit or 'no rate'}{fence}"
        )
        self._report("Start", session)

    def hang_up(self, username: str, cause: str = "User-Request") -> None:
        """The subscriber's side ends its sessions."""
        for session in self.sessions(username):
            self._end(session, cause)

    def pass_traffic(self, username: str, *, upload_octets: int = 0, download_octets: int = 0) -> None:
        with self.changed:
            for session in self.sessions(username):
                session.upload_octets += upload_octets
                session.download_octets += download_octets

    # ---- what can be observed

    def sessions(self, username: str | None = None) -> list[NasSession]:
        """The sessions that are online: those of one login, or all."""
        with self.changed:
            return [s for s in self._sessions.values() if username is None or s.username == username]

    def wait_reported(self, timeout: float) -> None:
        """Wait until the server has acknowledged all accounting so far, or the NAS has given up on it.
        Raises TimeoutError."""
        self._accounting.wait_settled(timeout)

    # ---- what the router does

    def send_interims(self) -> None:
        """Send an Interim-Update for every session now."""
        for session in self.sessions():
            self._report("Interim-Update", session)

    def use_server(self, *, auth_port: int, acct_port: int) -> None:
        """Switch to another RADIUS server from the next packet on. Sessions survive."""
        self._client.use_ports(auth_port=auth_port, acct_port=acct_port)

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
        self._log(f"{self.identity} rebooted")

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
            return Dial(Outcome.REJECTED, error=error_text(given), attributes=given)
        if exchange is not None and not exchange.server_is_genuine(first(given, "MS-CHAP2-Success") or b""):
            return Dial(Outcome.SERVER_NOT_GENUINE, attributes=given)
        keys = mppe_keys(given) if exchange is not None else None
        if exchange is not None and keys != exchange.keys():
            return Dial(Outcome.SERVER_NOT_GENUINE, error="MPPE keys differ", attributes=given)
        session = NasSession(
            username=username,
            acct_session_id=acct_session_id,
            nas_port=nas_port,
            calling_station_id=mac,
            framed_ip_address=first(given, "Framed-IP-Address") or self._pool_address(),
            rate_limit=first(given, "Mikrotik-Rate-Limit"),
            address_list=first(given, "Mikrotik-Address-List"),
            radius_class=first(given, "Class"),
            interim_seconds=self._interim_seconds or first(given, "Acct-Interim-Interval"),
            session_timeout_seconds=first(given, "Session-Timeout"),
            mppe_keys=keys,
            started_at=time.monotonic(),
        )
        return Dial(Outcome.ACCEPTED, session=session, attributes=given)

    def _pool_address(self) -> str:
        with self.changed:
            return str(next(self._pool))

    def _next_session_id(self) -> tuple[str, int]:
        """`81` for PPPoE, one hex digit for the boot, and a counter of five hex digits."""
        self._session_counter += 1
        return f"81{self._boot:x}{self._session_counter:05x}", _FIRST_NAS_PORT + self._session_counter

    # ---- sessions and accounting

    def _end(self, session: NasSession, cause: str) -> None:
        with self.changed:
            if self._sessions.pop(session.acct_session_id, None) is None:
                return
            session.ended_by = cause
            self.changed.notify_all()
        self._log(f"{session.username}: offline ({cause})")
        self._report("Stop", session)

    def _report(self, status: str, session: NasSession) -> None:
        """Queue what there is to report now; it may reach the server later."""
        line = self._line_attributes(session.username, session.calling_station_id, session.nas_port)
        self._enqueue(line | session_report(status, session, self._octets_per_second))

    def _enqueue(self, report: dict[str, Any]) -> None:
        if not self.faults.lose_accounting:
            identity = {"NAS-Identifier": self.identity, "NAS-IP-Address": self.nas_ip_address}
            self._accounting.put(identity | report)

    def _keep_time(self) -> None:
        """Send Interim-Updates and end sessions whose Session-Timeout has passed, until closed."""
        while True:
            with self.changed:
                if self._closed:
                    return
                due = self._next_due()
                if due is None or due > time.monotonic():
                    self.changed.wait(None if due is None else max(0.0, due - time.monotonic()))
                    continue
            self._do_due_work()

    def _next_due(self) -> float | None:
        instants = [s.next_interim_at for s in self._sessions.values() if s.next_interim_at is not None]
        instants += [
            s.started_at + s.session_timeout_seconds
            for s in self._sessions.values()
            if s.session_timeout_seconds is not None
        ]
        return min(instants, default=None)

    def _do_due_work(self) -> None:
        now = time.monotonic()
        for session in self.sessions():
            limit = session.session_timeout_seconds
            if limit is not None and now >= session.started_at + limit:
                self._end(session, "Session-Timeout")
            elif session.next_interim_at is not None and now >= session.next_interim_at:
                assert session.interim_seconds is not None
                session.next_interim_at = now + session.interim_seconds
                self._report("Interim-Update", session)

    # ---- CoA

    def _find_coa_target(self, request: Any) -> tuple[NasSession | None, int | None]:
        return find_target(request, self.sessions(), self.nas_ip_address)

    def _note_coa(self, exchange: CoaExchange) -> None:
        with self.changed:
            self.coa_exchanges.append(exchange)
            self.changed.notify_all()
        verdict = "acknowledged" if exchange.acknowledged else f"refused {exchange.error_cause}"
        self._log(f"{exchange.username}: {exchange.kind} {verdict}")

    def _obey(self, request: Any, session: NasSession) -> None:
        if request.code == DisconnectRequest:
            self._end(session, "Admin-Reset")
            return
        with self.changed:
            apply_change(request, session)
            self.changed.notify_all()
        self._log(f"{session.username}: now {session.rate_limit}, list {session.address_list}")
