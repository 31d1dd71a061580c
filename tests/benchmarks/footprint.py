"""How long the embedded system takes to restart with 10,000 subscribers, and its memory."""

from __future__ import annotations

import statistics
import time

import psutil

from tests.benchmarks.deployments import prepared
from tests.benchmarks.figures import table, verdict
from tests.benchmarks.seeding import Base, seed_billing, seed_radius, seed_subscriber
from tests.support.deployment import LISTENER, MAIN

SUBSCRIBERS = 10_000
STARTS = 3
TARGET_SECONDS = 5.0
TARGET_MEGABYTES = 200.0


def run() -> str:
    print(f"embedded start and memory, {SUBSCRIBERS} subscribers ...", flush=True)
    with prepared("embedded") as ready:
        base = Base.of(SUBSCRIBERS)
        seed_billing(ready.databases["billing"], base)
        seed_subscriber(ready.databases["subscriber"], base, ready.cipher)
        seed_radius(ready.databases["radius"], base, ready.cipher)
        deployment = ready.deployment
        deployment.start()
        deployment.stop()
        starts = []
        for number in range(STARTS):
            started = time.monotonic()
            deployment.launch()
            deployment.wait_ready()
            starts.append(time.monotonic() - started)
            if number < STARTS - 1:
                deployment.stop()
        for page in ("/subscribers", "/invoices", "/payments", "/sessions"):
            deployment.api.get(page, limit=200)
        deployment.generate_invoices()
        main, listener = (_megabytes(deployment.pid(name)) for name in (MAIN, LISTENER))
        deployment.stop()
    seconds = statistics.median(starts)
    rows = [
        [
            "warm start until /readyz is 200 (median of 3)",
            f"{seconds:.1f} s",
            "under 5 s",
            verdict(seconds < TARGET_SECONDS),
        ],
        [
            "memory after some use, both processes",
            f"{main + listener:.0f} MB ({main:.0f} main, {listener:.0f} RADIUS listener)",
            "under 200 MB",
            verdict(main + listener < TARGET_MEGABYTES),
        ],
    ]
    head = ["what", "measured", "target", ""]
    return f"## Embedded, with {SUBSCRIBERS:,} subscribers\n\n{table(head, rows)}\n"


def _megabytes(pid: int) -> float:
    """Proportional set size: pages shared by both processes count once."""
    return psutil.Process(pid).memory_full_info().pss / 1e6
