"""make bench: measure, print, and write docs/benchmarks.md. Pass names of parts to run only those."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from tests.benchmarks import billing_runs, footprint, pages, payments, rates
from tests.benchmarks.figures import REPORT, find_section, machine
from tests.benchmarks.radius.report import HEADING as RADIUS
from tests.benchmarks.sessions_at_scale import HEADING as SESSIONS

PARTS = {
    "payments": payments.run,
    "rates": rates.run,
    "billing-runs": billing_runs.run,
    "footprint": footprint.run,
    "pages": pages.run,
}
INTRODUCTION = """# Benchmarks

Written by `make bench`. The figures are from one run on one machine. Times depend on the machine and on
what else it is doing, so look at ratios and medians. The section about RADIUS is written by `make
bench-radius`, and the one about many sessions by `python -m tests.benchmarks.sessions_at_scale --rows
500000 50000000 --write`.

Machine: {machine}

Measured on {date}.
"""


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    sections = [PARTS[name]() for name in chosen]
    print("\n".join(sections))
    if chosen == list(PARTS):
        head = INTRODUCTION.format(machine=machine(), date=datetime.now(UTC).date())
        kept = [find_section(heading) for heading in (RADIUS, SESSIONS)]
        REPORT.write_text("\n".join([head, *sections, *kept]).rstrip("\n") + "\n")
        print(f"written to {REPORT}")


if __name__ == "__main__":
    main()
