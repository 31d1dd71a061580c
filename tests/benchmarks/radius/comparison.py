"""The same requests to both servers, in turn, several times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from tests.benchmarks.radius.bench import Bench, Measure
from tests.benchmarks.radius.databases import OURS, THEIRS
from tests.benchmarks.radius.freeradius import Backend
from tests.benchmarks.radius.packets import Method, Report
from tests.benchmarks.radius.servers import Server

# server, and what was measured
Key = tuple[str, str]
Measures = dict[Key, Measure]

WORKERS = (1, 2)
MAX_WORKERS = max(WORKERS)
RATES = (1_000, 3_000)
# Requests outstanding: a few routers on a busy day, and a whole town redialing at the same time.
WINDOWS = (32, 128)
COLD = "each subscriber once"
WARM = "the same few repeatedly"
METHODS_OF = {
    Backend.SQL: tuple(Method),
    Backend.SQL_POST_AUTH: (Method.PAP, Method.MSCHAP2),
    Backend.MEMORY: (Method.PAP, Method.CHAP, Method.MSCHAP2),
}
# An acknowledged report missing from the tables would be lost money.
WRITTEN = {
    Report.START: "SELECT count(*) FROM radacct WHERE acctstarttime >= %s",
    Report.INTERIM: "SELECT count(*) FROM radacct WHERE acctupdatetime >= %s",
    Report.STOP: "SELECT count(*) FROM radacct WHERE acctstoptime >= %s",
}


def theirs(backend: Backend) -> str:
    return f"FreeRADIUS, {backend}"


def ours(workers: int, state: str = "") -> str:
    return ", ".join(filter(None, ("ISP-OS", f"{workers} worker{'s' if workers > 1 else ''}", state)))


def outstanding(what: str, window: int) -> str:
    return what if window == WINDOWS[0] else f"{what}, {window} outstanding"


def at_rate(what: str, rate: int) -> str:
    return f"{what} at {rate:,}/s"


class Comparison:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._runs: dict[Key, list[Measure]] = defaultdict(list)

    def run(self) -> Measures:
        """Medians. Raises AssertionError if the servers do not give the same answers, or lose what they
        acknowledged."""
        self._bench.databases.reset(OURS)
        self._bench.databases.reset(THEIRS)
        self._compare_answers()
        for repetition in range(self._bench.scale.repetitions):
            parts = list(self._parts())
            if repetition % 2:
                parts.reverse()
            for part in parts:
                part()
        return {key: Measure.median(runs) for key, runs in self._runs.items()}

    def _parts(self) -> Iterator[Callable[[], None]]:
        for backend in Backend:
            yield lambda backend=backend: self._logins_of_theirs(backend)  # type: ignore[misc]
            if backend is Backend.SQL:
                for workers in WORKERS:
                    yield lambda workers=workers: self._logins_of_ours(workers)  # type: ignore[misc]
        yield lambda: self._open_loop(self._bench.theirs(Backend.SQL), theirs(Backend.SQL))
        yield lambda: self._open_loop(self._bench.ours(MAX_WORKERS), ours(MAX_WORKERS))
        yield lambda: self._reports(THEIRS, self._bench.theirs(Backend.SQL), theirs(Backend.SQL))
        yield lambda: self._reports(OURS, self._bench.ours(MAX_WORKERS), ours(MAX_WORKERS))

    def _compare_answers(self) -> None:
        servers = (
            self._bench.theirs(Backend.SQL),
            self._bench.theirs(Backend.MEMORY),
            self._bench.ours(MAX_WORKERS),
        )
        answers = {}
        for server in servers:
            with server:
                answers[server.name] = {
                    method: self._bench.asker.accepted_with(method, server.auth_port) for method in Method
                }
        for method in Method:
            different = {name: said[method] for name, said in answers.items()}
            first, *others = different.values()
            assert all(other == first for other in others), f"{method} is answered differently: {different}"

    def _logins_of_theirs(self, backend: Backend) -> None:
        with self._bench.theirs(backend) as server:
            for window in WINDOWS:
                for method in METHODS_OF[backend]:
                    self._login(
                        server, theirs(backend), method, window=window, seconds=self._bench.scale.seconds
                    )

    def _logins_of_ours(self, workers: int) -> None:
        """Start a fresh process for each method, so that a warm cache does not help the next one."""
        everybody, warming = self._bench.scale.subscribers, 5 * self._bench.scale.few
        for window in WINDOWS:
            for method in Method:
                with self._bench.ours(workers) as server:
                    self._login(server, ours(workers, COLD), method, window=window, count=everybody)
                    few = self._bench.few[method]
                    self._bench.measure(server, few, window=window, count=warming)
                    measured = self._bench.measure(server, few, window=window, first=warming)
                    self._note(ours(workers, WARM), outstanding(method, window), measured)

    def _login(self, server: Server, name: str, method: Method, *, window: int, **options: float) -> None:
        measured = self._bench.measure(server, self._bench.everybody[method], window=window, **options)
        self._note(name, outstanding(method, window), measured)

    def _open_loop(self, server: Server, name: str) -> None:
        seconds = self._bench.scale.open_loop_seconds
        with server:
            for rate in RATES:
                options = {"rate": rate, "count": int(rate * seconds)}
                requests = self._bench.everybody[Method.MSCHAP2]
                self._note(
                    name, at_rate(Method.MSCHAP2, rate), self._bench.measure(server, requests, **options)
                )

    def _reports(self, database: str, server: Server, name: str) -> None:
        """Each server starts from the same tables. Sessions are reported, stopped, then started again."""
        self._bench.databases.reset(database)
        with server:
            for rate in RATES:
                count = int(rate * self._bench.scale.open_loop_seconds)
                what = at_rate(Report.INTERIM, rate)
                self._report(database, server, name, Report.INTERIM, what=what, rate=rate, count=count)
        for window in WINDOWS:
            self._bench.databases.reset(database)
            with server:
                for kind in (Report.INTERIM, Report.STOP, Report.START):
                    self._report(
                        database,
                        server,
                        name,
                        kind,
                        what=outstanding(kind, window),
                        window=window,
                        count=self._bench.scale.reports,
                    )

    def _report(
        self, database: str, server: Server, name: str, kind: Report, *, what: str, count: int, **load: int
    ) -> None:
        self._bench.postgres.settle(database)
        # FreeRADIUS records the time of a packet in whole seconds.
        began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
        measured = self._bench.measure(server, self._bench.reports[kind], count=count, **load)
        ((written,),) = self._bench.postgres.query(database, WRITTEN[kind], began)
        acknowledged = min(count, self._bench.scale.subscribers) - measured.lost
        assert written >= acknowledged, f"{name} acknowledged {acknowledged} {kind}, wrote {written}"
        self._note(name, what, measured)

    def _note(self, name: str, what: str, measured: Measure) -> None:
        self._runs[name, what].append(measured)
        print(
            f"  {name}: {what}: {measured.per_second:,.0f}/s, p50 {measured.p50_ms:.2f}, "
            f"p99 {measured.p99_ms:.2f} ms, {measured.server_us:.0f} + {measured.database_us:.0f} us, "
            f"others {100 * measured.others:.0f} %",
            flush=True,
        )
