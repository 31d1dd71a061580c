"""kill -9 of every process during payments: each payment counts once, and each paid service is restored."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from testkit.pytest_plugin import require

from tests.support.books import assert_all_events_arrived, assert_each_paid_once, assert_ledger_agrees
from tests.support.clients import Payment, PaymentClients, deliver_all
from tests.support.crowd import PRICE, Crowd
from tests.support.deployment import MAIN, MODES, Deployment, Mode, running

# `make soak` sets SOAK. It kills each process more often, and during many more payments.
SOAK = bool(os.environ.get("SOAK"))
ROUNDS = 5 if SOAK else 2
MIN_KILLS = 2 if SOAK else 1  # of each process, over all rounds
PAYMENTS_PER_ROUND = 100 if SOAK else 50
INSTALMENTS = 5
HOUSEHOLDS = ROUNDS * PAYMENTS_PER_ROUND // INSTALMENTS
CLIENTS = 4
ROUND_SECONDS = 90
SETTLE_SECONDS = 60


@pytest.mark.timeout(1800 if SOAK else 600)
@pytest.mark.parametrize("mode", MODES)
def test_payments_survive_kill_9_of_every_process(
    mode: Mode, server_directory: Callable[[str], Path]
) -> None:
    require("radclient")
    if mode == "distributed":
        require("rabbitmq")
        require("postgres")
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    print(f"to repeat this run: SEED={seed}")
    chance = random.Random(seed)
    with running(Deployment(mode, server_directory("kill9"))) as deployment:
        deployment.begin_month()
        crowd = Crowd(deployment, HOUSEHOLDS)
        crowd.let_fall_overdue()
        payments = [
            Payment(subscriber["id"], PRICE // INSTALMENTS, f"REF-{number}-{part}")
            for number, subscriber in enumerate(crowd.subscribers)
            for part in range(INSTALMENTS)
        ]

        postponed: list[Payment] = []
        for number, victims in enumerate(_victims(deployment, chance)):
            of_this_round = payments[number * PAYMENTS_PER_ROUND :][:PAYMENTS_PER_ROUND]
            chance.shuffle(of_this_round)
            postponed += _pay_while_killing(deployment, of_this_round, victims, chance)
        deployment.wait_ready()
        deliver_all(deployment.api, postponed, threads=CLIENTS, give_up_seconds=ROUND_SECONDS)

        assert_each_paid_once(deployment, {payment.reference: payment.amount for payment in payments})
        assert_all_events_arrived(deployment, seconds=SETTLE_SECONDS)
        crowd.assert_all_paid_and_up()
        assert_ledger_agrees(deployment)


def _victims(deployment: Deployment, chance: random.Random) -> list[list[str]]:
    """The processes to kill in each round: at least two per round, and each of them MIN_KILLS times overall.

    The embedded system has only two, so both are killed in each round.
    """
    names = deployment.names()
    if len(names) <= 2:
        return [chance.sample(names, len(names)) for _ in range(ROUNDS)]
    dealt = [name for _ in range(MIN_KILLS) for name in chance.sample(names, len(names))]
    return [dealt[number::ROUNDS] for number in range(ROUNDS)]


def _pay_while_killing(
    deployment: Deployment, payments: list[Payment], victims: list[str], chance: random.Random
) -> list[Payment]:
    """Post the payments, and return those to deliver later."""
    moments = sorted(chance.sample(range(5, len(payments) - 20), len(victims)))
    clients = PaymentClients(deployment.api, payments, threads=CLIENTS, give_up_seconds=ROUND_SECONDS).start()
    for victim, moment in zip(victims, moments, strict=True):
        clients.wait_delivered(moment)
        deployment.kill(victim)
        if victim == MAIN:
            deployment.start()
    clients.join()
    print(f"killed {victims} after {moments} payments; {clients.repeats} requests were repeated")
    return clients.postponed
