"""How many subscribers can be created through the REST API in a second, and how many payments recorded."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from typing import Any

from servicekit.ids import new_id
from simulators.nas import SimulatedNas

from tests.benchmarks.deployments import prepared, processor_seconds
from tests.benchmarks.figures import milliseconds, table, verdict
from tests.benchmarks.users import UnexpectedAnswer
from tests.support.books import assert_all_events_arrived, assert_ledger_agrees
from tests.support.deployment import NAS_SECRET, Deployment

CLIENTS = 8
EACH = 50
WARM_UP_EACH = 3
PRICE = 150_000
CREATED_PER_SECOND = 50
PAID_PER_SECOND = 80
TIMEOUT_SECONDS = 60
EVENTS_SECONDS = 60

Bodies = Sequence[dict[str, Any]]


def run(each: int = EACH) -> str:
    print(f"rates, distributed, {CLIENTS} clients ...", flush=True)
    with prepared("distributed") as ready:
        deployment = ready.deployment
        deployment.start()
        nas = SimulatedNas(
            secret=NAS_SECRET.encode(), auth_port=deployment.auth_port, acct_port=deployment.acct_port
        )
        with nas:
            rows = _measure(deployment, nas, each)
        assert_ledger_agrees(deployment)
        deployment.stop()
    head = ["what", "per second", "median", "p99", "max", "CPU", "target", ""]
    return f"## Through the API, distributed ({CLIENTS} concurrent clients)\n\n{table(head, rows)}\n"


def _measure(deployment: Deployment, nas: SimulatedNas, each: int) -> list[list[str]]:
    router, plan = deployment.make_router(nas), deployment.make_plan("Fiber 50 Mbps", price=PRICE)
    terms = {"plan_id": plan["id"], "router_id": router["id"], "pppoe_password": "pppoe-pass-01"}
    people = [
        {"full_name": f"Subscriber {number}", "service": {**terms, "pppoe_username": f"subscriber.{number}"}}
        for number in range(CLIENTS * (WARM_UP_EACH + each))
    ]
    made, created = _time(deployment, "/subscribers", people, target=CREATED_PER_SECOND)
    assert_all_events_arrived(deployment, seconds=EVENTS_SECONDS)
    deployment.generate_invoices()
    payments = [
        {"subscriber_id": person["id"], "amount": PRICE, "method": "gcash", "reference": f"GC-{number:08d}"}
        for number, person in enumerate(made)
    ]
    paid, recorded = _time(deployment, "/payments", payments, target=PAID_PER_SECOND)
    assert len({payment["id"] for payment in paid}) == len(people)
    assert_all_events_arrived(deployment, seconds=EVENTS_SECONDS)
    return [["subscribers created, with a service", *created], ["payments recorded", *recorded]]


def _time(
    deployment: Deployment, path: str, bodies: Bodies, *, target: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """POST the bodies, divided among the clients. Returns the responses, and the figures after a warm-up."""
    warming = CLIENTS * WARM_UP_EACH
    answers, _, _ = _post_side_by_side(deployment, path, bodies[:warming])
    busy = processor_seconds()
    measured, samples, took = _post_side_by_side(deployment, path, bodies[warming:])
    busy = (processor_seconds() - busy) / len(samples)
    per_second = len(samples) / took
    row = [
        f"{per_second:.0f}",
        *milliseconds(samples),
        f"{busy * 1000:.0f} ms",
        f"at least {target} per second",
        verdict(per_second >= target),
    ]
    print(path, " ".join(row), flush=True)
    return [*answers, *measured], row


def _post_side_by_side(
    deployment: Deployment, path: str, bodies: Bodies
) -> tuple[list[dict[str, Any]], list[float], float]:
    """The responses, the seconds of each, and the seconds of all. Raises the error of any client."""
    answers: list[dict[str, Any]] = []
    samples: list[float] = []
    failures: list[BaseException] = []

    def work(own: Bodies) -> None:
        try:
            connection = HTTPConnection("127.0.0.1", deployment.http_port, timeout=TIMEOUT_SECONDS)
            for body in own:
                started = time.perf_counter()
                answers.append(_post(connection, deployment.api.token, path, body))
                samples.append(time.perf_counter() - started)
            connection.close()
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(bodies[number::CLIENTS],), daemon=True)
        for number in range(CLIENTS)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    if failures:
        raise failures[0]
    return answers, samples, took


def _post(connection: HTTPConnection, token: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Raises UnexpectedAnswer unless it is 201."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": new_id(),
    }
    connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != 201:
        raise UnexpectedAnswer(content.decode())
    return json.loads(content)
