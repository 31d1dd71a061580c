"""RADIUS queries with few and with very many closed sessions, side by side.

    python -m tests.benchmarks.sessions_at_scale --rows 500000 50000000

Starts a private PostgreSQL for each number of rows (fifty million take some 40 GB and 15 minutes) and
removes it again. With --write, the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import md5
from pathlib import Path
from select import poll
from statistics import median
from typing import Any

import psycopg2
from contracts.radius import SessionOrder, SessionQuery
from radius_svc import jobs
from radius_svc.listener.accounting.events import Kind, SessionReport
from radius_svc.listener.accounting.store import AccountingStore
from radius_svc.listener.database import ListenerDatabase
from radius_svc.listener.index.entries import NasEntry
from radius_svc.models import RadAcct
from radius_svc.protocol.signing import SharedSecret
from radius_svc.queries.accounts import list_service_states
from radius_svc.queries.line_events import list_line_events
from radius_svc.queries.nas import list_nas_activity
from radius_svc.queries.sessions import count_open_sessions, list_sessions
from radius_svc.queries.usage import list_usage
from radius_svc.settings import RadiusSettings
from radius_svc.usecases import retention, silent_sessions
from radius_svc.usecases.following import rounds, strays
from servicekit.clock import FrozenClock
from servicekit.db import Database
from servicekit.migrations import migrate
from servicekit.private_postgres import PrivatePostgres
from servicekit.runtime import Runtime
from sqlalchemy import select
from sqlalchemy.orm import Session
from testkit.component import make_settings

from tests.benchmarks.figures import machine, replace_section, table

HEADING = "## Sessions at scale"
OPEN = 50_000
LINES = 50_000
ROUTERS = 50
DAYS = 800  # twice the retention, so that half of the rows are old
SMALL = 500_000
SERVER = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "1500MB",
    "max_parallel_maintenance_workers": "2",
    "wal_level": "minimal",  # rows loaded in the transaction that truncates the table need no WAL
    "max_wal_senders": "0",
    "max_locks_per_transaction": "256",
}
FILL = """
begin;
truncate radacct, usage_marks, usage_progress restart identity;
insert into radacct (acctsessionid, acctuniqueid, username, nasipaddress, nasportid, nasporttype,
    acctstarttime, acctupdatetime, acctstoptime, acctsessiontime, acctauthentic, acctinputoctets,
    acctoutputoctets, calledstationid, callingstationid, acctterminatecause, servicetype, framedprotocol,
    framedipaddress, service_id, router_id, received_at)
select '81' || lpad(to_hex(i), 6, '0'), md5(i::text), 'subscriber.' || lpad(line::text, 6, '0'),
    ('10.255.0.' || line % {routers})::inet, 'ether2', 'Ethernet',
    began, case when i > {closed} then now() - interval '300 s' * random() else began + interval '19 h' end,
    case when i <= {closed} then began + interval '19 h' end, 68400, 'RADIUS', 1000000 + i, 9000000 + i,
    'pppoe', '02:00:00:' || to_hex(line / 65536 + 16) || ':' || to_hex(line / 256 % 256) || ':'
    || to_hex(line % 256), case when i <= {closed} then 'User-Request' end, 'Framed-User', 'PPP',
    ('10.64.' || line / 256 % 256 || '.' || line % 256)::inet,
    '01900000-0000-7000-8000-' || lpad(to_hex(line), 12, '0'),
    '01900000-0000-7000-9000-' || lpad(to_hex(line % {routers}), 12, '0'), began
from (select i, (i % {lines})::int as line,
        now() - interval '20 h' - ({closed} + {open} - i) * (interval '{days} days' / ({closed} + {open}))
            as began
    from generate_series(1, {closed} + {open}) as i) as numbered;
insert into usage_marks select radacctid, acctoutputoctets, acctinputoctets, false from radacct
    where acctstoptime is null;
insert into usage_progress values (1, {closed} + {open}, {closed} + {open});
insert into radius_account (service_id, version, subscriber_id, username, password_encrypted, plan_id,
    router_id, changed_seq)
select '01900000-0000-7000-8000-' || lpad(to_hex(line), 12, '0'), 1, 'subscriber',
    'subscriber.' || lpad(line::text, 6, '0'), '', 'plan',
    '01900000-0000-7000-9000-' || lpad(to_hex(line % {routers}), 12, '0'), 1
from generate_series(0, {lines} - 1) as line;
insert into nas (nasname, secret, router_id, type)
select '10.255.0.' || number, 'secret', '01900000-0000-7000-9000-' || lpad(to_hex(number), 12, '0'),
    'mikrotik'
from generate_series(0, {routers} - 1) as number;
commit
"""

Measured = dict[str, float]


def run(rows: list[int], directory: Path | None = None) -> str:
    columns: list[Measured] = []
    for closed in rows:
        with sessions(closed, directory) as (database, described):
            print(described, flush=True)
            columns.append(measure(database))
            print(columns[-1], flush=True)
    head = ["what", *(f"{closed:,} closed" for closed in rows)]
    lines = [[name, *(_shown(column[name]) for column in columns)] for name in columns[0]]
    return (
        f"{HEADING}\n\nMeasured on {datetime.now(UTC).date()}, with `python -m "
        f"tests.benchmarks.sessions_at_scale --rows {' '.join(map(str, rows))}`, on {machine()}\n"
        f"PostgreSQL with {SERVER['shared_buffers']} of shared buffers; {OPEN:,} open sessions in addition "
        f"to the closed ones, {LINES:,} services on {ROUTERS} routers; medians. See [adr/0014]"
        f"(adr/0014-sessions-at-scale.md).\n\n{table(head, lines)}\n"
    )


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


# ---- a database


@contextmanager
def sessions(closed: int, directory: Path | None) -> Iterator[tuple[Database, str]]:
    """A database with closed sessions and 50,000 open ones. A given directory is kept and reused."""
    place = directory or Path(tempfile.mkdtemp(prefix="isp-os-bench-"))
    place.mkdir(exist_ok=True)
    place.chmod(0o755)  # PostgreSQL under root runs as another user
    server = PrivatePostgres(place / f"sessions-{closed}")
    fresh = not server.directory.exists()
    server.start()
    try:
        if fresh:
            _order(server, *(f"alter system set {name} = '{value}'" for name, value in SERVER.items()))
            server.stop()
            server.start()
        database = Database(server.create_database("radius", "radius", "benchmark"))
        migrate(database, "radius_svc")
        began = time.monotonic()
        if fresh:
            _fill(database, closed)
        described = (
            f"{closed:,} closed sessions, {_size(database)}, written in {time.monotonic() - began:.0f} s"
        )
        yield database, described
        database.close()
    finally:
        server.stop()
        if directory is None:
            shutil.rmtree(place, ignore_errors=True)


def _fill(database: Database, closed: int) -> None:
    """Write rows first and create indexes afterwards, which is twenty times faster."""
    connection = database.engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        driver.autocommit = True
        with closing(connection.cursor()) as cursor:
            cursor.execute("set statement_timeout = 0; set lock_timeout = 0")
            cursor.execute("select indexname, indexdef from pg_indexes where tablename = 'radacct'")
            indexes = [(name, text) for name, text in cursor.fetchall() if not name.startswith("pk_")]
            cursor.execute("alter table radacct drop constraint uq_radacct_acctuniqueid")
            for name, _ in indexes:
                cursor.execute(f"drop index if exists {name}")
            sizes = {"closed": closed, "open": OPEN, "lines": LINES, "routers": ROUTERS, "days": DAYS}
            cursor.execute(FILL.format(**sizes))
            print(f"rows are in at {time.strftime('%H:%M:%S')}", flush=True)
            for name, text in indexes:
                cursor.execute(text)
                print(f"{name} at {time.strftime('%H:%M:%S')}", flush=True)
            cursor.execute(
                "alter table radacct add constraint uq_radacct_acctuniqueid "
                "unique using index uq_radacct_acctuniqueid"
            )
            cursor.execute("vacuum analyze")
    finally:
        connection.invalidate()


def _order(server: PrivatePostgres, *commands: str) -> None:
    connection = psycopg2.connect(server.url())
    connection.autocommit = True
    with connection.cursor() as cursor:
        for command in commands:
            cursor.execute(command)
    connection.close()


def _size(database: Database) -> str:
    with database.engine.connect() as connection:
        size = connection.exec_driver_sql("select pg_total_relation_size('radacct')").scalar_one()
    return f"{size / 1e9:.1f} GB with indexes"


# ---- what is measured


def measure(database: Database) -> Measured:
    measured: Measured = {}
    _hear_all(database)
    _measure_accounting(database, measured)
    _measure_pages(database, measured)
    _measure_jobs(database, measured)
    return measured


def _hear_all(database: Database) -> None:
    """Let all open sessions report now, since writing the rows took long."""
    connection = database.engine.raw_connection()
    driver: Any = connection.driver_connection
    driver.autocommit = True
    with closing(connection.cursor()) as cursor:
        cursor.execute("set statement_timeout = 0")
        cursor.execute(
            "update radacct set acctupdatetime = now() - interval '300 s' * random() "
            "where acctstoptime is null"
        )
        cursor.execute("vacuum analyze radacct")
    connection.invalidate()


def _timed(work: Callable[[], object], times: int = 7) -> float:
    """The median, after a warm-up run."""
    work()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def _measure_accounting(database: Database, measured: Measured) -> None:
    """Measure through the listener's own store: when it returns, the data is on disk."""
    listener = ListenerDatabase(database.url)
    store = AccountingStore(listener)
    store.prepare()
    began = datetime.now(UTC)
    number = 0

    def starts(many: int) -> list[SessionReport]:
        nonlocal number
        number += many
        return [_report(began, each) for each in range(number - many, number)]

    def write_starts(many: int) -> None:
        _write(store, starts(many))

    for many in (1, 200):
        measured[f"accounting: {many} Starts in one commit"] = _timed(partial(write_starts, many))
        write_starts(many)
        reports = [_report(began, number - 1 - each, Kind.NEWS) for each in range(many)]

        def interims(reports: list[SessionReport] = reports) -> None:
            for report in reports:
                report.said["acctupdatetime"] += timedelta(seconds=1)
                report.said["acctinputoctets"] += 1_000
            _write(store, reports)

        measured[f"accounting: {many} Interim-Updates in one commit"] = _timed(interims)

        def stops(many: int = many) -> None:
            nonlocal number
            ended = [_report(began, number - 1 - each, Kind.NEWS) for each in range(many)]
            number -= many
            for report in ended:
                report.said["acctstoptime"] = report.said["acctupdatetime"] = began + timedelta(seconds=60)
            _write(store, ended)

        measured[f"accounting: {many} Stops in one commit"] = _timed(stops)
    listener.close()


def _write(store: AccountingStore, reports: list[SessionReport]) -> None:
    writing = store.begin(reports)
    while not writing.is_over():
        waiting = poll()
        if writing.waits_for is not None:
            waiting.register(*writing.waits_for)
        waiting.poll()
    assert not writing.end()


def _report(at: datetime, number: int, kind: Kind = Kind.START) -> SessionReport:
    line = number % LINES
    router = line % ROUTERS
    nas = NasEntry(
        id=router + 1,
        address=f"10.255.0.{router}",
        label=f"router-{router}",
        secret=SharedSecret(b"secret"),
        router_id=f"01900000-0000-7000-9000-{router:012x}",
        require_message_authenticator=True,
        is_mikrotik=False,
    )
    constant = {
        "acctsessionid": f"new-{number}",
        "username": f"subscriber.{line:06d}",
        "nasipaddress": nas.address,
        "nasportid": f"new-{number}",
        "nasporttype": "Ethernet",
        "acctstarttime": at,
        "calledstationid": "pppoe",
        "callingstationid": "02:00:00:00:00:01",
    }
    said = {
        # random, like a real one, so that it goes anywhere in the index
        "acctuniqueid": md5(f"{at}-{number}".encode(), usedforsecurity=False).hexdigest(),
        "acctupdatetime": at,
        "acctsessiontime": 0,
        "acctinputoctets": 0,
        "acctoutputoctets": 0,
        "framedipaddress": f"10.64.{line // 256 % 256}.{line % 256}",
        "service_id": _service(line),
        "router_id": nas.router_id,
    }
    if kind is Kind.START:
        return SessionReport(nas, kind, constant | said)
    return SessionReport(nas, kind, said, lambda: constant)


def _service(line: int) -> str:
    return f"01900000-0000-7000-8000-{line:012x}"


def _measure_pages(database: Database, measured: Measured) -> None:
    def read(work: Callable[[Session], object]) -> float:
        def once() -> None:
            with database.reading() as session:
                work(session)

        return _timed(once)

    def page(**query: Any) -> Callable[[Session], object]:
        return lambda session: list_sessions(session, SessionQuery(**query), 50, None)

    routers = [f"01900000-0000-7000-9000-{number:012x}" for number in range(ROUTERS)]
    router = routers[7]
    services = [_service(line) for line in range(50)]
    pages: dict[str, Callable[[Session], object]] = {
        "sessions, newest": page(),
        "sessions, oldest": page(order=SessionOrder.OLDEST),
        "sessions, by name": page(order=SessionOrder.USERNAME),
        "sessions, open only": page(open_only=True),
        "sessions, a login": page(text="subscriber.012345"),
        "sessions, start of a name": page(text="subscriber.01"),
        "sessions, an address": page(text="10.64.48.57"),
        "sessions, a MAC address": page(text="02:00:00:10:30:39"),
        "sessions of a router": page(router_id=router),
        "sessions of a router, a login": page(router_id=router, text="subscriber.012307"),
        "sessions of a service": page(service_id=_service(12_345)),
        "service page: timeline": lambda session: list_line_events(session, [_service(12_345)], 50),
        "service page: usage": lambda session: list_usage(
            session, _service(12_345), 30, today=datetime.now(UTC).date()
        ),
        "subscriber list: 50 states": lambda session: list_service_states(session, services),
        "router list: activity of 50": lambda session: list_nas_activity(session, routers, datetime.now(UTC)),
        "number of open sessions": count_open_sessions,
        "dispatcher: changes that are due": lambda session: rounds.due_changes(session, per_router=25),
        "dispatcher: sessions that did not follow": strays.strays,
    }
    for name, work in pages.items():
        measured[name] = read(work)


def _measure_jobs(database: Database, measured: Measured) -> None:
    settings = make_settings("radius", database.url, Path("unused"), RadiusSettings)
    clock = FrozenClock(datetime.now(UTC))
    runtime = Runtime(settings, clock)
    with runtime.reading() as session:
        some = list(
            session.scalars(select(RadAcct.radacctid).where(RadAcct.acctstoptime.is_(None)).limit(10_000))
        )
    jobs.count_usage(runtime, "benchmark")

    def grown() -> None:
        statement = "update radacct set acctoutputoctets = acctoutputoctets + 1000 where radacctid = any(%s)"
        with database.engine.begin() as connection:
            connection.exec_driver_sql(statement, (some,))

    passes = []
    for _ in range(3):
        grown()
        began = time.perf_counter()
        jobs.count_usage(runtime, "benchmark")
        passes.append(time.perf_counter() - began)
    measured["usage: one pass, 10,000 sessions have grown"] = median(passes)
    measured["silent sessions: check, none found"] = _timed(
        lambda: jobs.close_silent_sessions(runtime, "benchmark"), 5
    )

    def close_some() -> None:
        now = clock.now()
        with runtime.transaction() as session:
            batch, _ = silent_sessions.silent_sessions(session, 0, now + timedelta(minutes=20))
            silent_sessions.close(session, batch)

    measured["silent sessions: 500 closed in a batch"] = _timed(close_some, 5)
    for name, deletion in {
        "retention: 500 sessions deleted": retention.delete_sessions,
        "retention: nothing to delete": retention.delete_sessions,
    }.items():
        old = clock.now() - timedelta(days=400 if "500" in name else 10 * DAYS)

        def delete_some(deletion: retention.Deletion = deletion, old: datetime = old) -> None:
            with runtime.transaction() as session:
                deletion(session, old)

        measured[name] = _timed(delete_some, 20)
    runtime.database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, nargs="+", default=[SMALL])
    parser.add_argument("--directory", type=Path, help="keep the databases there, and use what is there")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    section = run(arguments.rows, arguments.directory)
    print(section)
    if arguments.write:
        replace_section(HEADING, section)


if __name__ == "__main__":
    main()
