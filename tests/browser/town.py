"""A small ISP with something on every page, created through the REST API."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from simulators.nas import Outcome

from tests.browser.people import PLAN, ROUTER
from tests.support.deployment import Deployment
from tests.support.isp import PRICE, SECONDS, Household, Isp, new_nas
from tests.support.waiting import wait_for


@dataclass
class Town:
    deployment: Deployment
    isp: Isp
    juan: Household
    maria: Household
    pedro: Household
    ana: Household
    ben: Household
    tower: dict[str, Any]
    run: dict[str, Any]

    @property
    def url(self) -> str:
        return self.deployment.url

    @property
    def api(self) -> Any:
        return self.deployment.api


def build_town(deployment: Deployment, stack: ExitStack) -> Town:
    """Juan has paid, Maria has an admin hold, Pedro paid late, Ana is suspended, Ben's invoice is due.

    Ben's home router has a wrong password, and another uses an unknown login. A second router has a secret
    other than the one entered for it.
    """
    isp = Isp(deployment, stack, plan_name=PLAN, identity=ROUTER)
    api = deployment.api
    deployment.begin_month()
    juan = isp.connect("Juan dela Cruz", username="juan.delacruz")
    maria = isp.connect("Maria Santos", username="maria.santos")
    pedro = isp.connect("Pedro Reyes", username="pedro.reyes")
    ana = isp.connect("Ana Lim", username="ana.lim")
    for household in (juan, pedro):
        api.patch(f"/subscribers/{household.id}", email="someone@example.com", phone="09171234567")
    api.patch(f"/services/{juan.service_id}", individual_price=PRICE)
    run = deployment.generate_invoices()
    juan.pay(invoice_id=juan.invoice()["id"], reference="GCash-20260408-001")
    maria.hold("admin", note="copper theft, ask the manager")

    deployment.advance(days=1)
    ben = isp.connect("Ben Tan", username="ben.tan", online=False)
    deployment.generate_invoices()

    deployment.advance(days=19)
    for household in (pedro, ana):
        household.wait_status("suspended", reasons={"overdue"})
        household.home.wait_fenced(SECONDS)
        household.wait_known_online()
    pedro.pay(reference="GCash-20260408-002")
    pedro.wait_reconnected()
    for username in ("ben.tan", "ben.tan", "Ben.Tan"):
        isp.nas.dial(username, "not-his-password")
    wait_for("the refused logins are known", lambda: len(api.list("/refused-logins", query="ben.tan")) > 1)
    return Town(deployment, isp, juan, maria, pedro, ana, ben, _router_with_another_secret(isp, stack), run)


def _router_with_another_secret(isp: Isp, stack: ExitStack) -> dict[str, Any]:
    options = {"identity": "Tower - Brgy. Malinis", "timeout_seconds": 0.1, "tries": 1}
    nas = stack.enter_context(new_nas(isp.deployment, **options))
    router = isp.deployment.make_router(nas, radius_secret="not-the-one-of-the-tower")

    def is_known() -> bool:
        assert nas.dial("juan.delacruz", "pppoe-pass-01").outcome is Outcome.NO_ANSWER
        return isp.api.get(f"/routers/{router['id']}")["secret_mismatch_at"] is not None

    wait_for("the mismatch is known", is_known)
    return router
