"""The tables in docs/benchmarks.md, and whether targets were met."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product

from tests.benchmarks.figures import machine, table, verdict
from tests.benchmarks.radius.bench import Measure, Scale
from tests.benchmarks.radius.comparison import (
    COLD,
    MAX_WORKERS,
    WARM,
    WINDOWS,
    WORKERS,
    Measures,
    at_rate,
    ours,
    outstanding,
    theirs,
)
from tests.benchmarks.radius.events import RATE, Change, Footprint, Redial
from tests.benchmarks.radius.freeradius import Backend
from tests.benchmarks.radius.packets import Method, Report

HEADING = "## RADIUS compared with FreeRADIUS"
INTRODUCTION = """{heading}

Written by `make bench-radius` on {date}. {machine}

FreeRADIUS {freeradius} and PostgreSQL {postgres} from Debian; an fdatasync takes {fsync:.0f} us. There are
{subscribers:,} subscribers in five plans, with {closed:,} closed and {subscribers:,} open sessions. Both
servers use the same PostgreSQL cluster over a unix socket (shared_buffers 512 MB, synchronous_commit on)
and answer the same packets with the same attributes, signed. A C program sends packets from {routers}
routers, checks every authenticator and every Message-Authenticator, and expects an Access-Reject for one
login in fifty. FreeRADIUS has only the modules it needs, 16 threads and 16 connections to the database. The
servers take turns in one run, {repetitions} times; the tables show the medians. 32 requests are
outstanding, unless a row says 128 or gives a rate.

What is compared: FreeRADIUS with SQL queries the database five times for each login. ISP-OS answers from
memory, which it keeps in step with the database, so FreeRADIUS with its users in memory is included too.
FreeRADIUS commits each accounting packet; ISP-OS commits waiting packets together. Both acknowledge only
what is on disk. A new speed or password applies to the next login with ISP-OS and with FreeRADIUS and SQL,
but not with users in a file. CPU time is the steadier figure, because everything shares these cores,
including the load generator ({generator:.0f} us per request). Other programs used {others:.0f} % of the
cores in the meantime.
"""
REPORTS = (Report.START, Report.INTERIM, Report.STOP)
CPU = "CPU us per request: server + database"


@dataclass(frozen=True)
class Findings:
    """All results of a run."""

    scale: Scale
    routers: int
    freeradius: str
    postgres: str
    fdatasync_us: float
    measures: Measures
    footprints: dict[str, Footprint]
    load_seconds: float
    plan_change: Change
    accounts_rewritten: Change
    power_cut: dict[str, Redial]


def section(found: Findings) -> str:
    scale = found.scale
    parts = [
        INTRODUCTION.format(
            heading=HEADING,
            date=datetime.now(UTC).date(),
            machine=machine(),
            freeradius=found.freeradius,
            postgres=found.postgres,
            fsync=found.fdatasync_us,
            subscribers=scale.subscribers,
            closed=scale.subscribers * scale.closed_sessions,
            routers=found.routers,
            repetitions=scale.repetitions,
            others=100 * statistics.median(measured.others for measured in found.measures.values()),
            generator=found.measures[theirs(Backend.MEMORY), Method.PAP].generator_us,
        ),
        f"### Targets\n\n{_targets(found)}\n",
        f"### Logins\n\n{_logins(found.measures)}\n",
        f"### Accounting\n\n{_accounting(found.measures)}\n",
        f"### At a steady rate\n\n{_steady(found.measures)}\n",
        f"### Memory and start\n\n{_footprints(found)}\n",
        f"### Changes under {RATE:,} logins per second (MS-CHAPv2)\n\n{_changes(found)}\n",
        f"### After a power cut\n\n{_power_cut(found)}\n",
    ]
    return "\n".join(parts)


def _targets(found: Findings) -> str:
    measures = found.measures
    rows = []
    for method, against_sql, against_memory in ((Method.PAP, 8.0, 1.5), (Method.MSCHAP2, 5.0, 1.2)):
        for state, window in product((COLD, WARM), WINDOWS):
            what = outstanding(method, window)
            mine = measures[ours(MAX_WORKERS, state), what]
            for backend, target in ((Backend.SQL, against_sql), (Backend.MEMORY, against_memory)):
                other = measures[theirs(backend), what]
                rows.append(_ratio(f"{what}, {state}", mine, other, backend, target))
    for state in (COLD, WARM):
        mine = measures[ours(MAX_WORKERS, state), Method.MSCHAP2]
        other = measures[theirs(Backend.MEMORY), Method.MSCHAP2]
        rows.append(
            [
                f"MS-CHAPv2, {state}: CPU per request",
                f"{mine.server_us:.0f} us",
                f"below {other.server_us:.0f} us ({Backend.MEMORY})",
                verdict(mine.server_us < other.server_us),
            ]
        )
    for report, window in product(REPORTS, WINDOWS):
        what = outstanding(report, window)
        mine, other = measures[ours(MAX_WORKERS), what], measures[theirs(Backend.SQL), what]
        rows.append(_ratio(f"Accounting {what}", mine, other, Backend.SQL, 3.0))
    for what in (at_rate(Method.MSCHAP2, RATE), at_rate(Report.INTERIM, RATE)):
        mine, other = measures[ours(MAX_WORKERS), what], measures[theirs(Backend.SQL), what]
        rows.append(
            [
                f"p99 of {what}",
                f"{mine.p99_ms:.2f} ms",
                f"under 5 ms and under {other.p99_ms:.2f} ms ({Backend.SQL})",
                verdict(mine.p99_ms < min(5.0, other.p99_ms) and not mine.lost),
            ]
        )
    return table(["what", "measured", "target", ""], [*rows, *_targets_of_events(found)])


def _ratio(what: str, mine: Measure, other: Measure, backend: Backend, target: float) -> list[str]:
    ratio = mine.per_second / other.per_second
    sound = not (mine.lost or mine.faults)
    return [
        f"{what}: against {backend}",
        f"{ratio:.1f} times",
        f"at least {target:g} times",
        verdict(ratio >= target and sound),
    ]


def _targets_of_events(found: Findings) -> list[list[str]]:
    largest = found.footprints[ours(MAX_WORKERS)].memory.largest
    redial = found.power_cut[ours(MAX_WORKERS)]
    rows = [
        [
            f"{found.scale.subscribers:,} accounts loaded",
            f"{found.load_seconds:.2f} s",
            "under 1 s",
            verdict(found.load_seconds < 1.0),
        ],
        ["memory of the largest process", f"{largest:.0f} MB", "under 150 MB", verdict(largest < 150)],
    ]
    for name, change in (("plan change", found.plan_change), ("suspensions", found.accounts_rewritten)):
        latency = change.load.access
        rows.append(
            [
                f"p99 during {name}, {change.accounts:,} accounts",
                f"{latency.p99_ms:.2f} ms (worst second {latency.worst_second_p99_ms:.2f} ms)",
                "under 20 ms",
                verdict(latency.p99_ms < 20 and change.was_applied_in_time and not _faults(change.load)),
            ]
        )
    rows.append(
        [
            f"{redial.lines:,} services back online after a power cut",
            f"{redial.load.seconds:.1f} s",
            "under 10 s, none refused",
            verdict(redial.load.seconds < 10 and redial.started == redial.lines and not _faults(redial.load)),
        ]
    )
    return rows


def _faults(load: object) -> int:
    return sum(getattr(load, name) for name in ("lost", "wrong", "forged", "unsigned"))


def _logins(measures: Measures) -> str:
    names = [theirs(backend) for backend in Backend]
    names += [ours(workers, state) for workers in WORKERS for state in (COLD, WARM)]
    asked = [outstanding(method, window) for window in WINDOWS for method in Method]
    return _table([key for key in product(names, asked) if key in measures], measures)


def _accounting(measures: Measures) -> str:
    names = (theirs(Backend.SQL), ours(MAX_WORKERS))
    kinds = [outstanding(report, window) for window in WINDOWS for report in REPORTS]
    return _table(list(product(names, kinds)), measures)


def _steady(measures: Measures) -> str:
    return _table(sorted(key for key in measures if key[1].endswith("/s")), measures)


def _table(keys: list[tuple[str, str]], measures: Measures) -> str:
    head = ["server", "what", "requests per second", "p50", "p99", CPU, "retransmitted", "lost", "wrong"]
    return table(head, [_row(name, what, measures[name, what]) for name, what in keys])


def _row(name: str, what: str, measured: Measure) -> list[str]:
    return [
        name,
        what,
        f"{measured.per_second:,.0f}",
        f"{measured.p50_ms:.2f} ms",
        f"{measured.p99_ms:.2f} ms",
        f"{measured.server_us:.0f} + {measured.database_us:.0f}",
        str(measured.retransmitted),
        str(measured.lost),
        str(measured.faults),
    ]


def _footprints(found: Findings) -> str:
    head = [
        "server",
        "largest process",
        "all processes, shared pages counted once",
        "from start to first answer",
    ]
    rows = [
        [
            name,
            f"{footprint.memory.largest:.0f} MB",
            f"{footprint.memory.together:.0f} MB",
            f"{footprint.start_seconds:.1f} s",
        ]
        for name, footprint in found.footprints.items()
    ]
    return table(head, rows)


def _changes(found: Findings) -> str:
    head = [
        "what",
        "accounts",
        "in effect after",
        "p50",
        "p99",
        "p99 in the worst second",
        "max",
        "lost, wrong",
    ]
    rows = []
    for name, change in (
        ("the speed of a plan changes, and its sessions follow", found.plan_change),
        ("all accounts of a plan are suspended, 100 per transaction", found.accounts_rewritten),
    ):
        latency = change.load.access
        in_time = "" if change.was_applied_in_time else " (after the load ended)"
        rows.append(
            [
                name,
                f"{change.accounts:,}",
                f"{change.applied_seconds:.1f} s{in_time}",
                f"{latency.p50_ms:.2f} ms",
                f"{latency.p99_ms:.2f} ms",
                f"{latency.worst_second_p99_ms:.2f} ms",
                f"{latency.max_ms:.0f} ms",
                str(_faults(change.load)),
            ]
        )
    return table(head, rows)


def _power_cut(found: Findings) -> str:
    head = [
        "server",
        "services",
        "all back online after",
        "login p99",
        "Start p99",
        "retransmitted",
        "faults",
        "sessions started",
        "earlier sessions still considered open",
    ]
    rows = [
        [
            name,
            f"{redial.lines:,}",
            f"{redial.load.seconds:.1f} s",
            f"{redial.load.access.p99_ms:.0f} ms",
            f"{redial.load.accounting.p99_ms:.0f} ms",
            str(redial.load.retransmitted),
            str(_faults(redial.load)),
            f"{redial.started:,}",
            f"{redial.old_open:,}",
        ]
        for name, redial in found.power_cut.items()
    ]
    return table(head, rows)
