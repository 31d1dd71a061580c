"""Parts of the system fail for a while: the rest waits or says so, loses nothing, and recovers."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from servicekit.private_postgres import PrivatePostgres
from servicekit.private_rabbitmq import PrivateRabbitMQ, find_rabbitmq_port
from testkit.pytest_plugin import require

from tests.support import radclient
from tests.support.api import Problem
from tests.support.books import assert_all_events_arrived, assert_each_paid_once, assert_ledger_agrees
from tests.support.clients import Payment, PaymentClients, deliver_all
from tests.support.crowd import PASSWORD, PRICE, Crowd
from tests.support.deployment import SERVICES, Deployment, running
from tests.support.waiting import repeatedly, wait_for

LOCKED_SECONDS = 3.0
BROKER_GONE_SECONDS = 8.0
DATABASE_GONE_SECONDS = 5.0
# The longest that a caller waits for a silent service, plus a little for the response.
DEADLINE_SECONDS = 12.0
RECOVERY_SECONDS = 60.0


@dataclass
class Servers:
    """The broker and the databases of a distributed deployment, which the tests stop and start."""

    rabbitmq: PrivateRabbitMQ
    postgres: PrivatePostgres

    @property
    def environ(self) -> dict[str, str]:
        urls = {
            f"{name.upper()}_DATABASE_URL": self.postgres.create_database(name, name, f"{name}-password")
            for name in SERVICES
        }
        return {"AMQP_URL": self.rabbitmq.url, **urls}


@pytest.fixture(scope="module")
def servers(server_directory: Callable[[str], Path]) -> Iterator[Servers]:
    require("rabbitmq")
    require("postgres")
    rabbitmq = PrivateRabbitMQ(server_directory("rabbitmq"), find_rabbitmq_port())
    postgres = PrivatePostgres(server_directory("postgres"))
    try:
        rabbitmq.start()
        postgres.start()
        yield Servers(rabbitmq, postgres)
    finally:
        rabbitmq.stop()
        postgres.stop()


@pytest.fixture(scope="module")
def distributed(
    servers: Servers, server_directory: Callable[[str], Path]
) -> Iterator[tuple[Deployment, Crowd]]:
    require("radclient")
    with running(Deployment("distributed", server_directory("ispos"), environ=servers.environ)) as deployment:
        yield deployment, Crowd(deployment, 8)


def test_requests_wait_for_a_locked_database(server_directory: Callable[[str], Path]) -> None:
    with running(Deployment("embedded", server_directory("ispos"))) as deployment:
        crowd = Crowd(deployment, 1)
        answers: list[dict] = []
        api = deployment.api.another()
        juan = Payment(crowd.subscribers[0]["id"], PRICE, "while locked")
        client = threading.Thread(target=lambda: answers.append(api.post("/payments", juan.content())))

        with closing(sqlite3.connect(deployment.data_dir / "payment.db")) as other_program:
            other_program.execute("BEGIN IMMEDIATE")
            client.start()
            for _ in repeatedly(LOCKED_SECONDS):
                assert deployment.api.get("/plans")["data"]  # other services do not wait
                _assert_pap(deployment)
                assert answers == []
            other_program.rollback()
        client.join()
        api.close()

        assert answers[0]["allocations"] == []
        assert_each_paid_once(deployment, {"while locked": PRICE})


def test_payments_during_a_broker_outage_are_delivered_later(
    distributed: tuple[Deployment, Crowd], servers: Servers
) -> None:
    deployment, crowd = distributed
    before = {
        payment["reference"]: payment["amount"]["amount"] for payment in deployment.api.list("/payments")
    }
    payments = [
        Payment(subscriber["id"], 10_000, f"broker-{number}-{part}")
        for number, subscriber in enumerate(crowd.subscribers)
        for part in range(5)
    ]
    clients = PaymentClients(deployment.api, payments, threads=4, give_up_seconds=90).start()
    clients.wait_delivered(5)

    servers.rabbitmq.kill()
    for _ in repeatedly(BROKER_GONE_SECONDS):
        _assert_pap(deployment)
        _assert_unavailable(deployment, "/plans")
    servers.rabbitmq.start()
    clients.join()
    deliver_all(deployment.api, clients.postponed, threads=4, give_up_seconds=90)

    assert_each_paid_once(deployment, before | {payment.reference: payment.amount for payment in payments})
    assert_all_events_arrived(deployment, seconds=RECOVERY_SECONDS)
    assert_ledger_agrees(deployment)
    deployment.wait_ready(RECOVERY_SECONDS)


def test_lost_database_is_reported_while_radius_keeps_working(
    distributed: tuple[Deployment, Crowd], servers: Servers
) -> None:
    deployment, crowd = distributed
    payment = Payment(crowd.subscribers[0]["id"], 10_000, "database gone")

    servers.postgres.stop()
    for _ in repeatedly(DATABASE_GONE_SECONDS):
        _assert_pap(deployment)
        with pytest.raises(Problem) as refused:
            deployment.api.post("/payments", payment.content(), key="database gone")
        assert refused.value.status == 503
        assert refused.value.retry_after is not None
    servers.postgres.start()

    deployment.wait_ready(RECOVERY_SECONDS)
    deployment.api.post("/payments", payment.content(), key="database gone")
    references = [paid["reference"] for paid in deployment.api.list("/payments")]
    assert references.count("database gone") == 1
    _assert_pap(deployment)


def test_hanging_service_is_reported_in_time_while_others_work(
    distributed: tuple[Deployment, Crowd],
) -> None:
    deployment, crowd = distributed
    subscriber_id = crowd.subscribers[0]["id"]

    with deployment.stopped("billing"):
        _assert_unavailable(deployment, "/invoices")
        assert deployment.api.get("/plans")["data"]
        assert deployment.api.get(f"/subscribers/{subscriber_id}")["balance"] is None
        paid = deployment.pay(subscriber_id, 10_000, reference="billing hangs")
        assert paid["allocations"] is None
        assert "billing" in deployment.what_is_not_ready()

    wait_for(
        "the payment has reached billing",
        lambda: deployment.api.get(f"/payments/{paid['id']}")["allocations"] is not None,
        seconds=RECOVERY_SECONDS,
    )


def _assert_pap(deployment: Deployment) -> None:
    assert radclient.is_accept(radclient.dial(deployment.auth_port, "crowd.0", PASSWORD))


def _assert_unavailable(deployment: Deployment, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(Problem) as refused:
        deployment.api.get(path)
    assert refused.value.status == 503
    assert refused.value.retry_after is not None
    assert time.monotonic() - started < DEADLINE_SECONDS
