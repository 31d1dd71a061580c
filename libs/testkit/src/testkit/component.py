"""For component tests: a service's Runtime on a real, migrated database, and the events it publishes."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import eventlet.patcher
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from contracts.common import Event
from servicekit.clock import FrozenClock
from servicekit.codec import from_json
from servicekit.db import Database
from servicekit.migrations import migrate
from servicekit.private_postgres import PrivatePostgres
from servicekit.rpc import client
from servicekit.runtime import Runtime
from servicekit.secrets import new_key
from servicekit.settings import EncryptingServiceSettings, ServiceSettings, read_settings
from servicekit.tables import KitBase, OutboxMessage
from sqlalchemy import Engine, MetaData, event, inspect, select, text
from sqlalchemy.orm import Session

from testkit.examples import START

ENCRYPTION_KEY = new_key()
DATABASE_PASSWORD = new_key()
BLOCKED_WITHIN_SECONDS = 5.0

Api = TypeVar("Api")

_threading = eventlet.patcher.original("threading")


def make_settings(
    service: str, database_url: str, data_dir: Path, kind: type[Any] = EncryptingServiceSettings
) -> Any:
    """Settings, of this class, of a process that keeps `service` in this database."""
    environ = {
        "ISPOS_DATA_DIR": str(data_dir),
        "ISPOS_ENCRYPTION_KEY": ENCRYPTION_KEY,
        f"{service.upper()}_DATABASE_URL": database_url,
    }
    return read_settings(kind, environ, service=service)


@dataclass
class ServiceUnderTest:
    """A service without a bus: its use cases run on `runtime`, its events stay in the outbox."""

    runtime: Runtime
    clock: FrozenClock
    _seen: int = field(default=0)

    def new_events(self) -> list[Event]:
        """The events published since the last call, in that order."""
        with self.runtime.reading() as session:
            rows = session.scalars(
                select(OutboxMessage).where(OutboxMessage.seq > self._seen).order_by(OutboxMessage.seq)
            ).all()
        if rows:
            self._seen = rows[-1].seq
        return [from_json(row.data, Event.known[row.type]) for row in rows]

    def start_over(self) -> None:
        """Forget everything: for a test that makes many rounds (Hypothesis)."""
        _empty(self.runtime.database)
        self.clock.instant, self._seen = START, 0

    def another(self) -> ServiceUnderTest:
        """A second replica on the same database, with connections of its own and the same clock."""
        runtime = Runtime(self.runtime.settings, self.clock)
        share_compiled(runtime.database)
        return ServiceUnderTest(runtime, self.clock)


def _empty(database: Database) -> None:
    """Delete all rows but the version of the schema; numbers start from 1 again.

    Not TRUNCATE: on PostgreSQL it makes new files for each table and index, even if the table is empty.
    """
    statements = _deletions(database)
    with database.transaction() as session:
        if database.is_sqlite:
            for statement in statements:
                session.execute(text(statement))
        else:
            session.execute(text("; ".join(statements)))


_known_deletions: dict[str, list[str]] = {}


def _deletions(database: Database) -> list[str]:
    """Statements that empty the tables, those that refer to others first. Read from the schema once."""
    if database.url not in _known_deletions:
        schema = inspect(database.engine)
        tables = [table for table, _ in schema.get_sorted_table_and_fkc_names() if table]
        tables = [table for table in reversed(tables) if table != "alembic_version"]
        statements = [f"DELETE FROM {table}" for table in tables]  # noqa: S608 - a name from the schema
        if not database.is_sqlite:
            with database.reading() as session:
                sequences = session.scalars(text("select sequencename from pg_sequences")).all()
            statements += [f"SELECT setval('{sequence}', 1, false)" for sequence in sequences]
        _known_deletions[database.url] = statements
    return _known_deletions[database.url]


def sync_nothing(database: Database) -> None:
    """Let SQLite leave it to the operating system when to write to the disk, which is what takes it longest.

    Only a crash of the machine could lose something.
    """
    if database.is_sqlite:
        event.listen(
            database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF")
        )


_first_engines: dict[str, Engine] = {}


def share_compiled(database: Database) -> None:
    """Let a database use the statements that SQLAlchemy has compiled for others of its kind.

    For databases that are open next to the one that Migrated keeps, or that are made once per module. They
    are compiled for a dialect object, so that is shared too. Connections and event listeners are not.
    """
    kind = database.engine.dialect.name
    if kind not in _first_engines:
        with database.engine.connect():  # which tells the dialect the version of the server
            _first_engines[kind] = database.engine
        database.engine.dispose()
    first = _first_engines[kind]
    for engine in (database.engine, database._snapshots):
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache


class Migrated:
    """The databases of one service for a whole run: migrated once, given to each test empty."""

    def __init__(self, package: str, directory: Path) -> None:
        self._package = package
        # Other test processes may use the same server at the same time.
        self._database = f"{package}_{secrets.token_hex(3)}"
        self._template = directory / "template.db"
        self._on_postgres: Database | None = None
        self._on_sqlite: Database | None = None
        self._has_postgres_template = False

    def sqlite(self, path: Path) -> str:
        """The URL of a new database in the file `path`."""
        if not self._template.exists():
            database = Database(f"sqlite:///{self._template}")
            sync_nothing(database)
            migrate(database, self._package)
            database.close()  # the last connection writes the log back into the file
        shutil.copy(self._template, path)
        return f"sqlite:///{path}"

    def open_sqlite(self, path: Path) -> Database:
        """A new database in the file `path`, opened by the same object as the one before, which is closed.

        Its engine keeps the statements that it has compiled. Compiling them took more time than running them.
        """
        url = self.sqlite(path)
        if self._on_sqlite is None:
            self._on_sqlite = opened = Database(url)
            sync_nothing(opened)

            @event.listens_for(opened.engine, "do_connect")
            def connect_to_the_newest(
                _dialect: Any, _record: Any, arguments: list[str], _options: Any
            ) -> None:
                arguments[0] = opened.url.removeprefix("sqlite:///")

        self._on_sqlite.close()
        self._on_sqlite.url = url
        return self._on_sqlite

    def open_postgresql(self, server: PrivatePostgres) -> Database:
        """The one database on the server, emptied at each call after the first. See open_sqlite."""
        if self._on_postgres is None:
            self._on_postgres = Database(self._migrate_on(server, f"test_{self._database}"))
            return self._on_postgres
        if self._on_postgres.engine.pool.checkedout():  # type: ignore[attr-defined]  # of QueuePool
            self._on_postgres.close()  # a test left a connection, perhaps with locks
        _empty(self._on_postgres)
        return self._on_postgres

    def postgresql(self, server: PrivatePostgres) -> str:
        """The URL of that database."""
        return self.open_postgresql(server).url

    def new_postgresql(self, server: PrivatePostgres, name: str) -> str:
        """The URL of a new database. Slower, for tests whose processes may still be connected at the end."""
        template = f"template_{self._database}"
        if not self._has_postgres_template:
            self._migrate_on(server, template)
            self._has_postgres_template = True
        return server.create_database(name, template, DATABASE_PASSWORD, template=template)

    def _migrate_on(self, server: PrivatePostgres, name: str) -> str:
        url = server.create_database(name, name, DATABASE_PASSWORD)
        database = Database(url)
        migrate(database, self._package)
        database.close()
        return url


def service_fixtures(
    service: str, package: str, kind: type[ServiceSettings] = EncryptingServiceSettings
) -> tuple[Any, Any]:
    """The fixtures `migrated` and `tested` for a service's conftest. `tested` runs a test on both."""

    @pytest.fixture(scope="session")
    def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
        return Migrated(package, tmp_path_factory.mktemp(service))

    @pytest.fixture(params=["sqlite", "postgresql"])
    def tested(
        request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path
    ) -> Iterator[ServiceUnderTest]:
        if request.param == "sqlite":
            database = migrated.open_sqlite(tmp_path / f"{service}.db")
        else:
            database = migrated.open_postgresql(request.getfixturevalue("postgres"))
        clock = FrozenClock(START)
        runtime = Runtime(make_settings(service, database.url, tmp_path, kind), clock)
        runtime.database = database
        yield ServiceUnderTest(runtime, clock)

    return migrated, tested


def make_tested_fixture(service: str, kind: type[ServiceSettings] = EncryptingServiceSettings) -> Any:
    """A fixture for a module whose tests only read what was set up once. It needs the fixture `migrated`.

    The fixture is called for a ServiceUnderTest with a database of its own. Its tests run on both kinds.
    """

    @pytest.fixture(scope="module", params=["sqlite", "postgresql"])
    def make_tested(
        request: pytest.FixtureRequest, migrated: Migrated, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Callable[[], ServiceUnderTest]]:
        with ExitStack() as ended:

            def make() -> ServiceUnderTest:
                folder = tmp_path_factory.mktemp(service)
                if request.param == "sqlite":
                    url = migrated.sqlite(folder / f"{service}.db")
                else:
                    server, name = request.getfixturevalue("postgres"), f"test_{secrets.token_hex(6)}"
                    url = migrated.new_postgresql(server, name)
                    ended.callback(server.drop_database, name)
                return ended.enter_context(_running(make_settings(service, url, folder, kind)))

            yield make

    return make_tested


@contextmanager
def _running(settings: ServiceSettings) -> Iterator[ServiceUnderTest]:
    clock = FrozenClock(START)
    runtime = Runtime(settings, clock)
    share_compiled(runtime.database)
    sync_nothing(runtime.database)
    yield ServiceUnderTest(runtime, clock)
    runtime.database.close()


def database_of_revision(package: str, revision: str) -> Any:
    """A fixture: a database of each kind as it was at a migration, to be brought up to date by a test."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
        url = f"sqlite:///{tmp_path}/{package}.db"
        if request.param == "postgresql":
            url = request.getfixturevalue("make_postgres_database")()
        opened = Database(url)
        migrate(opened, package, revision)
        yield opened
        opened.close()

    return database


def client_of(api: type[Api], service_class: type, runtime: Runtime, **peers: Any) -> Api:
    """The typed client of a service that is called here, without a bus but as if over one.

    `peers` stand in for the services it asks.
    """
    service = service_class()
    for name, value in {"runtime": runtime, **peers}.items():
        setattr(service, name, value)

    def transport(_service: str, method: str, request: dict[str, Any], _deadline: float) -> dict[str, Any]:
        answer = getattr(service, method)(json.loads(json.dumps(request)))
        return dict(json.loads(json.dumps(answer)))

    return client(api, transport)


def schema_differences(database: Database, *metadata: MetaData) -> list[Any]:
    """What `alembic revision --autogenerate` would change: nothing, when the migrations match the models."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, [*metadata, KitBase.metadata]))  # type: ignore[arg-type]  # takes several


def while_held(tested: ServiceUnderTest, first: Callable[[Session], Any], rival: Callable[[], Any]) -> Any:
    """PostgreSQL: run `rival` in a thread of its own while `first` has done its work but not committed.

    Returns once `rival` was seen waiting for a lock, `first` has committed, and `rival` has ended; gives its
    result or raises its exception. `rival` must use connections of its own (`tested.another()`).
    """
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = rival()
        except BaseException as error:
            outcome["error"] = error

    thread = _threading.Thread(target=run)
    with tested.runtime.transaction() as session:
        first(session)
        session.flush()
        thread.start()
        _wait_until_blocked(session, thread)
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def _wait_until_blocked(session: Session, thread: Any) -> None:
    waiting = text(
        "select count(*) from pg_locks where not granted and pid in"
        " (select pid from pg_stat_activity where datname = current_database())"
    )
    until = time.monotonic() + BLOCKED_WITHIN_SECONDS
    while not session.scalar(waiting):
        if time.monotonic() > until:
            raise AssertionError("the rival did not wait for the first: nothing is locked")
        if not thread.is_alive():
            raise AssertionError("the rival ended without waiting for the first")
        eventlet.patcher.original("time").sleep(0.01)
