"""make bench-radius: compare our RADIUS server with Debian's FreeRADIUS, for docs/benchmarks.md.

    python -m tests.benchmarks.radius [--quick] [--repetitions N]

`--quick` is for trying it out: few subscribers, short runs, and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace

from tests.benchmarks.figures import replace_section
from tests.benchmarks.radius import events, freeradius, report
from tests.benchmarks.radius.bench import QUICK, WHOLE, prepared
from tests.benchmarks.radius.comparison import Comparison


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.radius")
    parser.add_argument(
        "--quick", action="store_true", help="few subscribers, short runs, nothing is written"
    )
    parser.add_argument("--repetitions", type=int, help="how often everything is compared (default 3)")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print(
            "bench-radius needs root: Debian lets nobody else read FreeRADIUS's SQL queries", file=sys.stderr
        )
        return 2
    scale = QUICK if arguments.quick else WHOLE
    if arguments.repetitions:
        scale = replace(scale, repetitions=arguments.repetitions)
    with prepared(scale) as bench:
        print("comparing ...", flush=True)
        measures = Comparison(bench).run()
        print("memory, start, changes, power cut ...", flush=True)
        found = report.Findings(
            scale=scale,
            routers=bench.population.routers,
            freeradius=freeradius.version(),
            postgres=bench.postgres.version,
            fdatasync_us=bench.postgres.fdatasync_microseconds(),
            measures=measures,
            footprints=events.footprints(bench),
            load_seconds=events.load_seconds(bench),
            plan_change=events.plan_change(bench),
            accounts_rewritten=events.accounts_rewritten(bench),
            power_cut=events.power_cut(bench),
        )
    section = report.section(found)
    print(section)
    if not arguments.quick:
        print(f"written to {replace_section(report.HEADING, section)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
