"""From payment to reconnect: 200 fenced subscribers pay, one after the other."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime

from simulators.home_router import HomeRouter
from simulators.nas import SimulatedNas

from tests.benchmarks.deployments import prepared
from tests.benchmarks.figures import milliseconds, percentile, table, verdict
from tests.support.deployment import MODES, NAS_SECRET, Mode
from tests.support.waiting import wait_for

PAYMENTS = 200
TARGET_SECONDS = 1.0
PRICE = 150_000


def run() -> str:
    rows = []
    for mode in MODES:
        print(f"payments, {mode} ...", flush=True)
        for what, samples in _measure(mode).items():
            met = verdict(percentile(samples, 99) < TARGET_SECONDS) if "disconnect" in what else ""
            rows.append([mode, what, *milliseconds(samples), met])
    head = ["mode", "time from recording the payment", "median", "p99", "max", "p99 under 1 s"]
    return f"## From payment to back online ({PAYMENTS} payments)\n\n{table(head, rows)}\n"


def _measure(mode: Mode) -> dict[str, list[float]]:
    with prepared(mode) as ready, ExitStack() as stack:
        deployment = ready.deployment
        deployment.start()
        api = deployment.api
        nas = stack.enter_context(
            SimulatedNas(
                secret=NAS_SECRET.encode(), auth_port=deployment.auth_port, acct_port=deployment.acct_port
            )
        )
        router, plan = deployment.make_router(nas), deployment.make_plan("Fiber 50 Mbps")
        people = []
        for number in range(PAYMENTS):
            login = {"pppoe_username": f"subscriber.{number}", "pppoe_password": "pppoe-pass-01"}
            service = {**login, "plan_id": plan["id"], "router_id": router["id"]}
            people.append(deployment.make_subscriber(f"Subscriber {number}", service))
            home = HomeRouter(
                nas, login["pppoe_username"], login["pppoe_password"], "pap", backoff_seconds=0.05
            )
            stack.enter_context(home)
        wait_for("all are online", lambda: len(api.list("/sessions", open="true")) == PAYMENTS, seconds=60)
        deployment.generate_invoices()
        deployment.advance(days=21)
        wait_for("all are fenced", lambda: _fenced(nas) == PAYMENTS, seconds=120)
        # The simulated router reports sessions one after the other. Reports still queued from the suspensions
        # would delay the reports of the first reconnects.
        nas.wait_reported(60)
        posts = []
        for person in people:
            started = time.monotonic()
            deployment.pay(person["id"], PRICE)
            posts.append(time.monotonic() - started)
        cases = [_case(api, person["services"][0]["id"]) for person in people]
        deployment.stop()
    return {
        "until the request is answered": posts,
        "until the hold is released": [_seconds(case, "released_at") for case in cases],
        "until the router acknowledges the disconnect": [_seconds(case, "router_acked_at") for case in cases],
        "until back online (Start received)": [_seconds(case, "online_at") for case in cases],
    }


def _fenced(nas: SimulatedNas) -> int:
    return sum(session.address_list is not None for session in nas.sessions())


def _case(api, service_id: str) -> dict[str, str]:
    def back() -> dict[str, str] | None:
        case = api.get(f"/services/{service_id}/reconnects")["data"][0]
        return case if case["online_at"] else None

    return wait_for("the line is back", back, seconds=30)


def _seconds(case: dict[str, str], until: str) -> float:
    return (datetime.fromisoformat(case[until]) - datetime.fromisoformat(case["paid_at"])).total_seconds()
