"""Billing runs over 10,000 and 100,000 subscribers, compared with a bare bulk insert of the same rows."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any

import psutil
from billing_svc.models import BillingRun, BillingRunItem, Invoice, InvoiceLine, LedgerEntry
from servicekit.db import Database
from servicekit.migrations import migrate
from sqlalchemy import insert, select

from tests.benchmarks.deployments import prepared
from tests.benchmarks.figures import milliseconds, table, verdict
from tests.benchmarks.seeding import Base, seed_billing
from tests.support.deployment import MAIN, MODES, Deployment, Mode
from tests.support.waiting import wait_for

TARGET_SECONDS = {10_000: 10.0, 100_000: 120.0}
TARGET_RATIO = 6.0
TABLES = (Invoice, InvoiceLine, LedgerEntry, BillingRun, BillingRunItem)
CHUNK = 1000
SAMPLE_SECONDS = 0.05


def run() -> str:
    rows = []
    for mode in MODES:
        for size in TARGET_SECONDS:
            print(f"billing run, {mode}, {size} subscribers ...", flush=True)
            rows.append(_measure(mode, size))
    head = [
        "mode",
        "subscribers",
        "run",
        "plain insert of the same rows",
        "ratio",
        "memory before -> peak",
        "other requests in the meantime: median, p99, max",
        "targets",
    ]
    return f"## Billing run\n\n{table(head, rows)}\n"


def _measure(mode: Mode, size: int) -> list[str]:
    with prepared(mode) as ready:
        seed_billing(ready.databases["billing"], Base.of(size))
        deployment = ready.deployment
        deployment.start()
        with Watch(deployment) as watch:
            run_id = deployment.api.post("/billing-runs")["id"]
            report = _finished(deployment, run_id, TARGET_SECONDS[size] * 3)
        assert report["created"] == size, report
        deployment.stop()
        bare = _bare_insert(ready.databases["billing"], ready.spare_url)
    seconds = _instant(report["finished_at"]) - _instant(report["started_at"])
    ratio = seconds / bare
    return [
        mode,
        f"{size:,}",
        f"{seconds:.1f} s",
        f"{bare:.1f} s",
        f"{ratio:.1f}",
        f"{watch.before:.0f} -> {watch.greatest:.0f} MB",
        ", ".join(milliseconds(watch.latencies)),
        verdict(seconds < TARGET_SECONDS[size] and ratio <= TARGET_RATIO),
    ]


def _finished(deployment: Deployment, run_id: str, seconds: float) -> dict[str, Any]:
    def finished() -> dict[str, Any] | None:
        run = deployment.api.get(f"/billing-runs/{run_id}")
        return run if run["status"] == "finished" else None

    return wait_for("the billing run is over", finished, seconds=seconds)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Watch:
    """Requests a page repeatedly, and watches the memory of the billing process."""

    def __init__(self, deployment: Deployment) -> None:
        self._api = deployment.api.another()
        self._process = psutil.Process(deployment.pid(MAIN if deployment.mode == "embedded" else "billing"))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.latencies: list[float] = []
        self.before = self.greatest = self._megabytes()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join()
        self._api.close()

    def _look(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            started = time.monotonic()
            self._api.get("/invoices", limit=20)
            self.latencies.append(time.monotonic() - started)
            self.greatest = max(self.greatest, self._megabytes())

    def _megabytes(self) -> float:
        return self._process.memory_info().rss / 1e6


def _bare_insert(database: Database, spare_url: str) -> float:
    """Seconds to write the run's rows into an empty database of the same kind, in one transaction."""
    spare = Database(spare_url)
    migrate(spare, "billing_svc")
    with database.reading() as session:
        rows = {
            model: [dict(row._mapping) for row in session.execute(select(*model.__table__.columns))]
            for model in TABLES
        }
    started = time.monotonic()
    with spare.transaction() as session:
        for model, values in rows.items():
            for start in range(0, len(values), CHUNK):
                session.execute(insert(model), values[start : start + CHUNK])
    seconds = time.monotonic() - started
    spare.close()
    return seconds
