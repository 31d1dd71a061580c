"""Many subscribers behind the router that radclient plays, suspended for an unpaid invoice."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from tests.support import radclient
from tests.support.deployment import NAS_SECRET, Deployment
from tests.support.waiting import wait_for, wait_for_none

PRICE = 150_000
PASSWORD = "pppoe-pass-01"
PLAN_RATE = "50M/50M"
THREADS = 4


class Crowd:
    def __init__(self, deployment: Deployment, size: int) -> None:
        self._deployment = deployment
        router = {
            "name": "radclient",
            "connection": "manual",
            "nas_address": "127.0.0.1",
            "radius_secret": NAS_SECRET,
        }
        self._router_id = deployment.api.post("/routers", router)["id"]
        self._plan_id = deployment.make_plan("Fiber 50 Mbps")["id"]
        self.subscribers: list[dict[str, Any]] = []
        threads = [
            threading.Thread(target=self._enter, args=(range(first, size, THREADS),))
            for first in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(self.subscribers) == size

    def let_fall_overdue(self) -> None:
        """Bill all of them and wait until they are suspended for not paying.

        Early in a month, this bills and passes only that month.
        """
        self._deployment.generate_invoices()
        self._deployment.advance(days=20)
        wait_for("all are suspended", lambda: self.count("suspended") == len(self.subscribers), seconds=30)

    def count(self, status: str) -> int:
        return len(self._deployment.api.list("/subscribers", status=status))

    def assert_all_paid_and_up(self) -> None:
        """Check what operators see, and what RADIUS answers to the next dial-in."""
        wait_for_none("suspended subscribers", self._suspended, seconds=30)
        assert self.count("active") == len(self.subscribers)
        for subscriber in self._deployment.api.list("/subscribers"):
            assert subscriber["balance"]["amount"] == 0, subscriber["full_name"]
        for subscriber in self.subscribers:
            username = subscriber["services"][0]["pppoe_username"]
            wait_for(
                f"{username} gets the plan's speed",
                partial(self._has_plan_rate, username),
            )

    def _suspended(self) -> list[str]:
        """The names of suspended subscribers, and what they owe."""
        found = self._deployment.api.list("/subscribers", status="suspended")
        return [f"{subscriber['full_name']} {subscriber['balance']}" for subscriber in found]

    def _has_plan_rate(self, username: str) -> bool:
        return radclient.rate_of(radclient.dial(self._deployment.auth_port, username, PASSWORD)) == PLAN_RATE

    def _enter(self, numbers: range) -> None:
        api = self._deployment.api.another()
        for number in numbers:
            service = {
                "pppoe_username": f"crowd.{number}",
                "pppoe_password": PASSWORD,
                "plan_id": self._plan_id,
                "router_id": self._router_id,
            }
            self.subscribers.append(
                api.post("/subscribers", {"full_name": f"Nr {number}", "service": service})
            )
        api.close()
