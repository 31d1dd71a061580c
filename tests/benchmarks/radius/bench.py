"""What a run of the benchmark needs, and one measurement."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from servicekit.secrets import FieldCipher, new_key

from tests.benchmarks.radius.asking import Asker
from tests.benchmarks.radius.databases import OURS, THEIRS, Databases
from tests.benchmarks.radius.freeradius import Backend, FreeRadius
from tests.benchmarks.radius.generator import Generator, Load, Running
from tests.benchmarks.radius.packets import Dialler, Method, Report
from tests.benchmarks.radius.population import OPEN_GENERATION, Population
from tests.benchmarks.radius.postgres import Postgres
from tests.benchmarks.radius.processor import Meter
from tests.benchmarks.radius.servers import Ours, Server


@dataclass(frozen=True)
class Scale:
    """The size of everything. `few` subscribers redial repeatedly when a cache should be warm."""

    subscribers: int = 50_000
    closed_sessions: int = 6  # of each subscriber
    few: int = 2_000
    repetitions: int = 3
    seconds: float = 4.0
    open_loop_seconds: float = 5.0
    reports: int = 30_000
    redialling: int = 10_000
    starts: int = 3


WHOLE = Scale()
QUICK = Scale(
    subscribers=5_000,
    few=500,
    repetitions=1,
    seconds=1.0,
    open_loop_seconds=1.0,
    reports=3_000,
    redialling=1_000,
    starts=1,
)


@dataclass(frozen=True)
class Measure:
    """One run, or the medians of several runs and the sum of their errors."""

    per_second: float
    p50_ms: float
    p99_ms: float
    worst_second_p99_ms: float
    max_ms: float
    server_us: float
    database_us: float
    generator_us: float
    others: float  # share of the processors used by unrelated processes
    lost: int
    retransmitted: int
    faults: int

    @classmethod
    def of(cls, load: Load, meter: Meter) -> Measure:
        server_seconds, database_seconds = meter.spent()
        generator_seconds = load.processor_us * load.answered / 1e6
        latency, answered = load.latency, max(load.answered, 1)
        return cls(
            per_second=load.per_second,
            p50_ms=latency.p50_ms,
            p99_ms=latency.p99_ms,
            worst_second_p99_ms=latency.worst_second_p99_ms,
            max_ms=latency.max_ms,
            server_us=server_seconds * 1e6 / answered,
            database_us=database_seconds * 1e6 / answered,
            generator_us=load.processor_us,
            others=meter.share_of_others(server_seconds, database_seconds, generator_seconds),
            lost=load.lost,
            retransmitted=load.retransmitted,
            faults=load.wrong + load.forged + load.unsigned,
        )

    @classmethod
    def median(cls, runs: Sequence[Measure]) -> Measure:
        merged = {}
        for field in fields(cls):
            values = [getattr(run, field.name) for run in runs]
            counts = field.name in ("lost", "retransmitted", "faults")
            merged[field.name] = sum(values) if counts else statistics.median(values)
        return cls(**merged)


class Bench:
    """Databases, generator, request files and servers of one run."""

    def __init__(self, directory: Path, postgres: Postgres, scale: Scale) -> None:
        self.scale = scale
        self.postgres = postgres
        self.population = Population(scale.subscribers, scale.closed_sessions)
        self.key = new_key()
        self.cipher = FieldCipher(self.key)
        self.databases = Databases(postgres, self.population, self.cipher)
        self.generator = Generator(directory, self.population.clients)
        self.asker = Asker(self.population)
        self.dialler = Dialler(self.population)
        self._directory = directory

    @cached_property
    def everybody(self) -> dict[Method, Path]:
        """Dial-ins of every subscriber, three times in different orders."""
        return {
            method: self.generator.write(f"everybody-{method}", self.dialler.dials(method, times=3))
            for method in Method
        }

    @cached_property
    def few(self) -> dict[Method, Path]:
        """Twice as many dial-ins as there are subscribers, by a few of them."""
        times = 2 * self.scale.subscribers // self.scale.few
        return {
            method: self.generator.write(
                f"few-{method}", self.dialler.dials(method, times=times, among=self.scale.few)
            )
            for method in Method
        }

    @cached_property
    def reports(self) -> dict[Report, Path]:
        """Reports of open sessions: an Interim-Update for each, a Stop for many, and a Start for the next."""
        people = self.population.subscribers
        stopping = people[: self.scale.reports]
        return {
            Report.INTERIM: self._reports(Report.INTERIM, people, OPEN_GENERATION),
            Report.STOP: self._reports(Report.STOP, stopping, OPEN_GENERATION),
            Report.START: self._reports(Report.START, stopping, self.population.new_generation),
        }

    def ours(self, workers: int, database: str = OURS) -> Ours:
        return Ours(
            self._directory / "ours.log",
            self.asker,
            database_url=self.postgres.url(database),
            key=self.key,
            workers=workers,
            data_dir=self._directory,
        )

    def theirs(self, backend: Backend) -> FreeRadius:
        return FreeRadius(
            self._directory / f"freeradius-{backend.name.lower()}",
            self.asker,
            self.population,
            backend,
            self.postgres.conninfo(THEIRS),
        )

    def measure(self, server: Server, requests: Path, **options: Any) -> Measure:
        meter = Meter(server.pid, self.postgres.pid)
        load = self.generator.run(requests, **server.ports, **options)
        return Measure.of(load, meter)

    def begin(self, server: Server, requests: Path, **options: Any) -> Running:
        return self.generator.begin(requests, **server.ports, **options)

    def _reports(self, kind: Report, people: Sequence[Any], generation: int) -> Path:
        return self.generator.write(f"report-{kind}", self.dialler.reports(kind, people, generation))


@contextmanager
def prepared(scale: Scale) -> Iterator[Bench]:
    """A benchmark with filled databases. Everything is removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="isp-os-bench-radius-"))
    directory.chmod(0o755)  # PostgreSQL under root runs as another user
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        postgres = stack.enter_context(Postgres(directory / "postgres"))
        bench = Bench(directory, postgres, scale)
        print(f"filling the databases: {scale.subscribers:,} subscribers ...", flush=True)
        bench.databases.prepare()
        yield bench
