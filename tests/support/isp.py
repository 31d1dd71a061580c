"""A small ISP: a registered simulated router, a plan, and households whose home routers dial in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from simulators.home_router import HomeRouter
from simulators.nas import Dial, Method, NasSession, SimulatedNas

from tests.support.deployment import NAS_SECRET, Deployment
from tests.support.waiting import wait_for

FENCE = "isp-suspended"
FENCED_RATE = "256k/256k"
PLAN_RATE = "50M/50M"
PRICE = 150_000
SECONDS = 15

_addresses = itertools.count(2)
_logins = itertools.count(1)


def new_nas(deployment: Deployment, **options: Any) -> SimulatedNas:
    """A simulated router on its own loopback address, since RADIUS identifies routers by address."""
    number = next(_addresses)
    options.setdefault("identity", f"router-{number}")
    return SimulatedNas(
        secret=NAS_SECRET.encode(),
        auth_port=deployment.auth_port,
        acct_port=deployment.acct_port,
        source_address=f"127.1.{number // 250}.{number % 250 + 1}",
        **options,
    )


@dataclass
class Household:
    """A subscriber with one service, and the home router that dials it."""

    deployment: Deployment
    subscriber: dict[str, Any]
    service_id: str
    home: HomeRouter

    @property
    def id(self) -> str:
        return self.subscriber["id"]

    @property
    def username(self) -> str:
        return self.home.username

    @property
    def session(self) -> NasSession:
        session = self.home.session
        assert session is not None, f"{self.username} is offline: {self.home.last_dial}"
        return session

    # ---- what operators see

    def service(self) -> dict[str, Any]:
        return self.deployment.api.get(f"/services/{self.service_id}")

    def account(self) -> dict[str, Any]:
        return self.deployment.api.get(f"/accounts/{self.id}")

    def balance(self) -> int:
        return self.account()["balance"]["amount"]

    def invoices(self) -> list[dict[str, Any]]:
        """Oldest first."""
        found = self.deployment.api.list("/invoices", subscriber_id=self.id)
        return sorted(found, key=lambda invoice: invoice["number"])

    def invoice(self) -> dict[str, Any]:
        """Its only invoice."""
        (invoice,) = self.invoices()
        return invoice

    def payments(self) -> list[dict[str, Any]]:
        return self.deployment.api.list("/payments", subscriber_id=self.id)

    def attempts(self) -> list[dict[str, Any]]:
        """The requests sent to its router, oldest first."""
        found = self.deployment.api.list(f"/services/{self.service_id}/attempts")
        return sorted(found, key=lambda attempt: attempt["sent_at"])

    def reconnects(self) -> list[dict[str, Any]]:
        return self.deployment.api.list(f"/services/{self.service_id}/reconnects")

    def open_sessions(self) -> list[dict[str, Any]]:
        return self.deployment.api.list("/sessions", open="true", service_id=self.service_id)

    # ---- what operators and subscribers do

    def pay(self, amount: int = PRICE, **fields: Any) -> dict[str, Any]:
        return self.deployment.pay(self.id, amount, **fields)

    def hold(self, reason: str = "admin", note: str = "") -> dict[str, Any]:
        return self.deployment.api.post(
            f"/services/{self.service_id}/holds", {"reason": reason, "note": note}
        )

    def release(self, hold: dict[str, Any]) -> dict[str, Any]:
        return self.deployment.api.delete(f"/services/{self.service_id}/holds/{hold['id']}")

    def change(self, **fields: Any) -> dict[str, Any]:
        return self.deployment.api.patch(f"/services/{self.service_id}", **fields)

    def kick(self) -> dict[str, Any]:
        return self.deployment.api.post(f"/services/{self.service_id}/disconnect")

    # ---- waiting

    def wait_status(self, status: str, *, reasons: set[str] | None = None) -> dict[str, Any]:
        """Wait until the service has this status and, if given, exactly these hold reasons."""

        def reached() -> dict[str, Any] | None:
            service = self.service()
            held_for = {hold["reason"] for hold in service["holds"]}
            same = service["status"] == status and reasons in (None, held_for)
            return service if same else None

        return wait_for(f"{self.username} is {status}", reached)

    def wait_known_online(self) -> dict[str, Any]:
        """Wait until RADIUS knows the session that the home router has now. Returns the session."""

        def known() -> dict[str, Any] | None:
            now = self.home.session
            return next(
                (s for s in self.open_sessions() if now and s["acct_session_id"] == now.acct_session_id), None
            )

        return wait_for(f"the session of {self.username} is known", known)

    def wait_reconnected(self) -> dict[str, Any]:
        """Wait until its only reconnect is complete. Returns that case with all its times."""

        def over() -> dict[str, Any] | None:
            (case,) = self.reconnects() or [{}]
            return case if case.get("router_acked_at") and case.get("online_at") else None

        return wait_for(f"the reconnect of {self.username} is over", over)

    def wait_rate(self, rate: str) -> NasSession:
        """Wait until its session has this speed and is not fenced."""
        self.home.wait_until(
            f"online with {rate}",
            lambda home: (
                home.session is not None
                and home.session.rate_limit == rate
                and home.session.address_list != FENCE
            ),
            SECONDS,
        )
        return self.session


class Isp:
    """One router and one plan. `connect()` adds households."""

    def __init__(
        self, deployment: Deployment, running: ExitStack, *, plan_name: str | None = None, **nas_options: Any
    ) -> None:
        self.deployment = deployment
        self.api = deployment.api
        self._running = running
        self.nas = running.enter_context(new_nas(deployment, **nas_options))
        self.router = deployment.make_router(self.nas)
        self.plan = deployment.make_plan(plan_name or f"Fiber 50 Mbps ({self.nas.identity})")

    def connect(
        self,
        full_name: str,
        *,
        username: str | None = None,
        password: str = "pppoe-pass-01",
        method: Method = Method.MSCHAP2,
        online: bool = True,
        **service: Any,
    ) -> Household:
        """Create a subscriber with a home router. With `online`, switch it on and wait for its session."""
        username = username or f"{full_name.split()[0].lower()}.{next(_logins)}"
        content = {
            "pppoe_username": username,
            "pppoe_password": password,
            "plan_id": self.plan["id"],
            "router_id": self.router["id"],
        }
        subscriber = self.deployment.make_subscriber(full_name, content | service)
        home = HomeRouter(self.nas, username, password, method, backoff_seconds=0.1)
        household = Household(self.deployment, subscriber, subscriber["services"][0]["id"], home)
        if online:
            self._running.enter_context(home)
            home.wait_online(SECONDS)
            household.wait_known_online()
        return household

    def dial(self, household: Household, password: str | None = None) -> Dial:
        """A single dial-in."""
        return self.nas.dial(household.username, password or household.home.password)

    def let_fall_overdue(self, *households: Household) -> None:
        """Invoice them for this month, and move the clock until those who do not pay are suspended."""
        self.deployment.generate_invoices()
        for household in households:
            assert household.invoices(), f"{household.username} has no invoice"
        self.deployment.advance(days=20)


MakeIsp = Callable[..., Isp]
