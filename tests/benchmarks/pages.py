"""The admin pages of an ISP with 10,000 subscribers and a year of invoices, distributed, on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

import psutil
import requests

from tests.benchmarks.deployments import prepared, processor_seconds
from tests.benchmarks.figures import percentile, table, verdict
from tests.benchmarks.first_visits import Visitor, chromium
from tests.benchmarks.users import User, ask_side_by_side, log_in
from tests.benchmarks.year import LAST_NAMES, Person, Year, seed
from tests.support.books import assert_all_events_arrived, assert_ledger_agrees
from tests.support.deployment import OWNER_PASSWORD, SERVICES, Deployment

SUBSCRIBERS = 10_000
USERS = 8
REQUESTS_EACH = 40
WARM_UP_EACH = 3
VARIANTS = 97  # different addresses of each page; not a multiple of the users
TARGET_SECONDS = 0.150
TARGET_PAINT_SECONDS = 1.0
TARGET_OCTETS = 250_000
EVENTS_SECONDS = 60
ANSWERED = "isp_rpc_requests_total{"


@dataclass(frozen=True)
class Timed:
    """A page, with the addresses to request."""

    name: str
    paths: Sequence[str]
    panel: bool = False


def run(subscribers: int = SUBSCRIBERS) -> str:
    with prepared("distributed") as ready:
        print(f"pages, writing a year of {subscribers:,} subscribers ...", flush=True)
        started = time.monotonic()
        year = Year(subscribers, datetime.now(UTC))
        seed(ready.databases, ready.cipher, year)
        print(f"pages, written in {time.monotonic() - started:.0f} s; starting ...", flush=True)
        deployment = ready.deployment
        deployment.start()
        assert_ledger_agrees(deployment)
        assert_all_events_arrived(deployment, seconds=EVENTS_SECONDS)
        cookies = [log_in(deployment, email, OWNER_PASSWORD) for email in year.operators[:USERS]]
        timed = _time_all(deployment, year, cookies)
        visited = _visit_all(deployment, year, cookies[0])
        deployment.stop()
    head = f"{subscribers:,} subscribers, {len(year.invoices):,} invoices, {USERS} concurrent users"
    return f"## Pages ({head})\n\n{timed}\n\n## First visits (slow 4G, empty cache)\n\n{visited}\n"


# ---- response times


def _time_all(deployment: Deployment, year: Year, cookies: Sequence[dict[str, str]]) -> str:
    rows = []
    for page in _pages(year):
        users = [User(deployment.url, own) for own in cookies]
        try:
            ask_side_by_side(users, page.paths, WARM_UP_EACH, panel=page.panel)
            before, busy = _rpcs(deployment), processor_seconds()
            timing = ask_side_by_side(users, page.paths, REQUESTS_EACH, panel=page.panel)
            busy = (processor_seconds() - busy) / len(timing.seconds)
            rpcs = (_rpcs(deployment) - before) / len(timing.seconds)
        finally:
            for user in users:
                user.close()
        p50, p95 = (percentile(timing.seconds, percent) for percent in (50, 95))
        row = [
            page.name,
            f"{p50 * 1000:.0f} ms",
            f"{p95 * 1000:.0f} ms",
            f"{timing.per_second:.0f}",
            f"{rpcs:.0f}",
            f"{busy * 1000:.0f} ms",
            f"under {TARGET_SECONDS * 1000:.0f} ms",
            verdict(p95 < TARGET_SECONDS),
        ]
        print(" ".join(row), flush=True)
        rows.append(row)
    return table(["page", "p50", "p95", "requests per second", "RPCs", "CPU", "p95 target", ""], rows)


def _pages(year: Year) -> list[Timed]:
    somebody = [_spread(year.people, number) for number in range(VARIANTS)]
    names = [name.lower() for name in LAST_NAMES]
    ids = [person.subscriber_id for person in somebody]
    far_down = year.people[: len(year.people) // 2]
    middle = [_spread(far_down, number).subscriber_id for number in range(VARIANTS)]
    invoices = [_spread(year.invoices, number).id for number in range(VARIANTS)]
    months = [(month.isoformat(), year.today.isoformat()) for month in year.months[-4:]]
    return [
        Timed("log in (form)", ["/login"]),
        Timed("dashboard", ["/"]),
        *(
            Timed(f"dashboard: {name}", [f"/panels/{name}"], panel=True)
            for name in (
                "first-steps",
                "online",
                "figures",
                "collected",
                "aging",
                "suspensions",
                "sessions",
                "reconnects",
                "events",
            )
        ),
        Timed("subscribers", ["/subscribers"]),
        Timed("subscribers: a name", _asked("/subscribers", query=names)),
        Timed("subscribers: one login", _asked("/subscribers", query=[p.username for p in somebody])),
        Timed("subscribers: suspended", ["/subscribers?status=suspended"]),
        Timed("subscribers: by name", ["/subscribers?order=name"]),
        Timed("subscribers: a late page", _asked("/subscribers", after=middle)),
        Timed("subscriber", [f"/subscribers/{id_}" for id_ in ids]),
        *(
            Timed(f"subscriber: {name}", [f"/subscribers/{id_}/{name}" for id_ in ids], panel=True)
            for name in ("account", "invoices", "payments", "timeline")
        ),
        *(
            Timed(f"subscriber: {name}", [f"/services/{p.service_id}/{name}" for p in somebody], panel=True)
            for name in ("live", "usage")
        ),
        Timed("ledger", [f"/subscribers/{id_}/ledger" for id_ in ids]),
        Timed("billing", ["/billing"]),
        Timed("billing: overdue", ["/billing?status=overdue"]),
        Timed("billing: open", ["/billing?status=open"]),
        Timed("billing: a name", _asked("/billing", q=names)),
        Timed(
            "billing: a number",
            _asked("/billing", q=[f"INV-{number:06d}" for number in range(7, 7 * VARIANTS, 7)]),
        ),
        Timed("billing: by due date", ["/billing?order=due_on"]),
        Timed("billing: by amount", ["/billing?order=-total"]),
        Timed("invoice", [f"/invoices/{id_}" for id_ in invoices]),
        Timed("billing runs", ["/billing/runs"]),
        Timed("billing run: report", [f"/billing/runs/{id_}" for id_ in year.run_ids]),
        Timed("suspensions due", ["/billing/suspensions-due"]),
        Timed("payments", ["/payments"]),
        Timed("payments: a name", _asked("/payments", q=names)),
        Timed(
            "payments: a reference",
            _asked("/payments", q=[f"GC-{number:08d}" for number in range(7, 7 * VARIANTS, 7)]),
        ),
        Timed(
            "payments: a date range",
            [f"/payments?{urlencode({'from': since, 'until': until})}" for since, until in months],
        ),
        Timed("payments: by amount", ["/payments?order=-amount"]),
        Timed("sessions: online", ["/sessions"]),
        Timed("sessions: all", ["/sessions?show=all"]),
        Timed("sessions: a login", _asked("/sessions", show=["all"], q=[_beginning(p) for p in somebody])),
        Timed("sessions: an address", _asked("/sessions", show=["all"], q=[p.address for p in somebody])),
        Timed("reconnects", ["/reconnects"]),
        Timed("plans", ["/plans"]),
        Timed("routers", ["/routers"]),
        Timed("search: a name", _asked("/search", q=names)),
        Timed("search: an invoice", _asked("/search", q=[f"INV-{n:06d}" for n in range(7, 7 * VARIANTS, 7)])),
        Timed("audit log", ["/audit-log"]),
        Timed("operators", ["/settings/operators"]),
        Timed("settings", ["/settings/general"]),
        Timed("settings: billing", ["/settings/billing"]),
        Timed("subscriber's own page", [_portal(p) for p in year.people[: REQUESTS_EACH * USERS]]),
    ]


def _spread(among: Sequence, number: int):  # type: ignore[no-untyped-def]  # one of them
    return among[number * len(among) // VARIANTS]


def _asked(path: str, **choices: Sequence[str]) -> list[str]:
    """Combine the values: the first varies, single values are repeated."""
    most = max(len(values) for values in choices.values())
    return [
        f"{path}?{urlencode({name: values[number % len(values)] for name, values in choices.items()})}"
        for number in range(most)
    ]


def _beginning(person: Person) -> str:
    return person.username.rpartition(".")[0]


def _portal(person: Person) -> str:
    return f"/c/{person.short_id}"


def _rpcs(deployment: Deployment) -> float:
    """How many RPCs the services have answered."""
    answered = 0.0
    for service in SERVICES:
        port = psutil.Process(deployment.pid(service)).environ()["ISPOS_HEALTH_PORT"]
        with closing(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30)) as metrics:
            lines = metrics.text.splitlines()
        answered += sum(float(line.split()[-1]) for line in lines if line.startswith(ANSWERED))
    return answered


# ---- first visits


def _visit_all(deployment: Deployment, year: Year, cookies: dict[str, str]) -> str:
    person = _spread(year.people, 40)
    invoice = next(invoice for invoice in reversed(year.invoices) if not invoice.is_paid)
    paths = {
        "log in": "/login",
        "dashboard": "/",
        "subscribers": "/subscribers",
        "subscriber": f"/subscribers/{person.subscriber_id}",
        "invoice": f"/invoices/{invoice.id}",
        "subscriber's own page": _portal(person),
    }
    rows = []
    with chromium() as browser:
        for name, path in paths.items():
            visitor = Visitor(browser, deployment.url, {} if path == "/login" else cookies)
            weight = visitor.weight(path)
            rows += [
                _paint_row(name, visitor.first_paint_seconds(path)),
                _paint_row(
                    f"{name}, CPU 4 times slower",
                    visitor.first_paint_seconds(path, slow_processor=True),
                ),
                [
                    f"{name}: weight, {weight.requests} requests",
                    f"{weight.octets / 1000:.0f} kB",
                    f"under {TARGET_OCTETS / 1000:.0f} kB",
                    verdict(weight.octets < TARGET_OCTETS),
                ],
            ]
            print("\n".join(" ".join(row) for row in rows[-3:]), flush=True)
    return table(["page", "measured", "target", ""], rows)


def _paint_row(name: str, seconds: float) -> list[str]:
    return [
        f"{name}: first contentful paint",
        f"{seconds:.2f} s",
        f"under {TARGET_PAINT_SECONDS:g} s",
        verdict(seconds < TARGET_PAINT_SECONDS),
    ]
