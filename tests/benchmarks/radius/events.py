"""Events in the life of an ISP: a plan changes, thousands are suspended, the power comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.money import Money
from contracts.subscriber import BillingType, PlanStatus, PlanView
from radius_svc.models import IndexVersion, ListenerState
from radius_svc.usecases import authorization, provisioning
from servicekit.db import Database
from sqlalchemy import select

from tests.benchmarks.radius.bench import Bench
from tests.benchmarks.radius.comparison import MAX_WORKERS
from tests.benchmarks.radius.databases import NEARLY_EMPTY, OURS, THEIRS
from tests.benchmarks.radius.freeradius import Backend
from tests.benchmarks.radius.generator import Load
from tests.benchmarks.radius.packets import Method
from tests.benchmarks.radius.population import PLANS, Subscriber
from tests.benchmarks.radius.processor import Memory
from tests.benchmarks.radius.servers import Server
from tests.support.waiting import wait_for

RATE = 3_000
QUIET_SECONDS = 2.0  # before and after the change
APPLIED_SECONDS = 180.0
ROUNDS = 4  # of 150,000 logins, which is enough for the longest change
AT_ONCE = 100
REDIAL_WINDOW = 512
REDIAL_TIMEOUT_SECONDS = 1.0
REDIAL_TRIES = 10


@dataclass(frozen=True)
class Footprint:
    """Memory of a server that has answered every subscriber once, in megabytes, and its start in seconds."""

    memory: Memory
    start_seconds: float


def footprints(bench: Bench) -> dict[str, Footprint]:
    servers = [
        bench.theirs(Backend.SQL),
        bench.theirs(Backend.MEMORY),
        bench.ours(1),
        bench.ours(MAX_WORKERS),
    ]
    return {server.name: _footprint(bench, server) for server in servers}


def load_seconds(bench: Bench) -> float:
    """How much longer ours takes until its first answer with all accounts than with a single one: the
    quickest of several starts each, since whatever disturbs a start makes it longer."""
    bench.databases.reset(NEARLY_EMPTY)
    with_all, with_one = (
        min(_start_seconds(bench.ours(1, database)) for _ in range(bench.scale.starts))
        for database in (OURS, NEARLY_EMPTY)
    )
    return with_all - with_one


def _footprint(bench: Bench, server: Server) -> Footprint:
    with server:
        bench.measure(server, bench.everybody[Method.MSCHAP2], count=bench.scale.subscribers)
        return Footprint(Memory.of(server.pid), server.start_seconds)


def _start_seconds(server: Server) -> float:
    with server:
        return server.start_seconds


@dataclass(frozen=True)
class Change:
    """A change during a steady rate of logins.

    `applied_seconds` is from the start of its first transaction until every listener applied the last one."""

    accounts: int
    applied_seconds: float
    was_applied_in_time: bool
    load: Load


def plan_change(bench: Bench) -> Change:
    """One plan gets another speed, which every session on it must follow."""

    def change(database: Database) -> None:
        plan = bench.population.plans[0]
        view = PlanView(
            id=plan.id,
            version=2,
            name=f"Fiber {plan.megabits} Mbps",
            price=Money(150_000),
            billing_type=BillingType.POSTPAID,
            download_kbps=2_000 * plan.megabits,
            upload_kbps=2_000 * plan.megabits,
            burst=None,
            address_pool=plan.replies["Framed-Pool"],
            status=PlanStatus.ACTIVE,
            created_at=datetime.now(UTC),
        )
        with database.transaction() as session:
            provisioning.keep_plan(session, view, now=datetime.now(UTC))

    return _changed_under_load(bench, change)


def accounts_rewritten(bench: Bench) -> Change:
    """Every account of a plan is suspended, a hundred per transaction."""

    def change(database: Database) -> None:
        people = _of_one_plan(bench)
        for start in range(0, len(people), AT_ONCE):
            with database.transaction() as session:
                for subscriber in people[start : start + AT_ONCE]:
                    authorization.write_account(session, _suspended(bench, subscriber))

    return _changed_under_load(bench, change)


def _of_one_plan(bench: Bench) -> list[Subscriber]:
    return bench.population.subscribers[::PLANS]


def _suspended(bench: Bench, subscriber: Subscriber) -> authorization.AccountData:
    return authorization.AccountData(
        service_id=subscriber.service_id,
        version=2,
        subscriber_id=f"subscriber-{subscriber.number}",
        username=subscriber.username,
        password=subscriber.password,
        password_encrypted=bench.cipher.encrypt(subscriber.password, subscriber.service_id),
        plan_id=subscriber.plan.id,
        router_id=subscriber.router.id,
        static_ip=subscriber.static_ip,
        suspended=True,
    )


def _changed_under_load(bench: Bench, change: Callable[[Database], None]) -> Change:
    bench.databases.reset(OURS)
    database = Database(bench.postgres.url(OURS))
    try:
        with bench.ours(MAX_WORKERS) as server:
            running = bench.begin(server, bench.everybody[Method.MSCHAP2], rate=RATE, rounds=ROUNDS)
            time.sleep(QUIET_SECONDS)  # a baseline without the change
            began = time.monotonic()
            change(database)
            wait_for("the change to be in force", lambda: _is_in_force(database), seconds=APPLIED_SECONDS)
            applied = time.monotonic() - began
            in_time = running.is_sending()
            time.sleep(QUIET_SECONDS)  # the memory afterwards
            load = running.stop()
    finally:
        database.close()
    return Change(len(_of_one_plan(bench)), applied, in_time, load)


def _is_in_force(database: Database) -> bool:
    with database.reading() as session:
        written = session.scalar(select(IndexVersion.seq))
        applied = list(session.scalars(select(ListenerState.applied_seq)))
        return bool(applied) and written is not None and min(applied) >= written


@dataclass(frozen=True)
class Redial:
    """Everyone logs in at the same time and then starts a session with a new id.

    `old_open` counts sessions that the power cut ended without a Stop and that still appear open."""

    lines: int
    load: Load
    started: int
    old_open: int


OPEN_BEFORE = """SELECT count(*) FROM radacct
    WHERE acctstoptime IS NULL AND username <= %s AND acctsessionid < %s"""
OPEN_SINCE = OPEN_BEFORE.replace("acctsessionid <", "acctsessionid >=")


def power_cut(bench: Bench) -> dict[str, Redial]:
    """The routers stayed up and the homes did not, so no session was stopped."""
    generation = bench.population.new_generation + 1
    people = bench.population.subscribers[: bench.scale.redialling]
    requests = bench.generator.write("redial", bench.dialler.redials(people, generation))
    boundary = (people[-1].username, bench.population.session_id(people[0], generation))
    found = {}
    for database, server in ((THEIRS, bench.theirs(Backend.SQL)), (OURS, bench.ours(MAX_WORKERS))):
        bench.databases.reset(database)
        with server:
            load = bench.generator.run(
                requests,
                **server.ports,
                window=REDIAL_WINDOW,
                timeout=REDIAL_TIMEOUT_SECONDS,
                tries=REDIAL_TRIES,
            )
        ((started,),) = bench.postgres.query(database, OPEN_SINCE, *boundary)
        ((old_open,),) = bench.postgres.query(database, OPEN_BEFORE, *boundary)
        found[server.name] = Redial(len(people), load, started, old_open)
    return found
