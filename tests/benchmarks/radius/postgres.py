"""A private cluster of Debian's PostgreSQL, tuned the same for both servers and reachable only by us."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from servicekit.private_process import tail, wait_until

PROGRAMS = Path("/usr/lib/postgresql")
# used under root, where PostgreSQL refuses to run; created by Debian's package
UNPRIVILEGED_USER = "postgres"
ROLE = "bench"
PORT = 5432  # names the socket; it does not listen on the network
START_SECONDS = 30
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "synchronous_commit": "on",
    "max_connections": "100",
    "timezone": "UTC",
}


class Postgres:
    """A context manager. Databases are copied from templates, so every run starts with the same data."""

    def __init__(self, directory: Path) -> None:
        """Raises RuntimeError if no PostgreSQL is installed."""
        installed = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if not installed:
            raise RuntimeError("PostgreSQL is missing: sh tests/install-tools.sh bench-radius")
        self._programs = installed[-1].parent
        self.directory = directory
        self._data = directory / "data"
        self._log = directory / "output.log"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Postgres:
        self.directory.mkdir(mode=0o700)
        if os.geteuid() == 0:
            account = pwd.getpwnam(UNPRIVILEGED_USER)
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        # The socket is in a folder that others cannot enter.
        self._run("initdb", "-D", self._data, "-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        settings = SETTINGS | {"unix_socket_directories": str(self.directory), "port": str(PORT)}
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(  # type: ignore[call-overload]
                [self._programs / "postgres", "-D", self._data, *_options(settings)],
                stdout=log,
                stderr=log,
                **self._identity(),
            )
        if not wait_until(self._answers, seconds=START_SECONDS):
            raise RuntimeError(f"PostgreSQL did not start:\n{tail(self._log)}")
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    @property
    def version(self) -> str:
        return str(self.query("postgres", "SHOW server_version")[0][0]).partition(" ")[0]

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}@/{database}?host={self.directory}&port={PORT}"

    def conninfo(self, database: str) -> str:
        return f"host={self.directory} port={PORT} user={ROLE} dbname={database}"

    def create(self, database: str, template: str | None = None) -> None:
        """Create a database. An existing one is dropped, even if it has connections."""
        name = sql.Identifier(database)
        self.execute("postgres", sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        if template is None:
            self.execute("postgres", sql.SQL("CREATE DATABASE {}").format(name))
            return
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self.execute("postgres", copied.format(name, sql.Identifier(template)))

    def settle(self, database: str) -> None:
        """Flush, warm up and analyze everything, as after a quiet night."""
        self.execute(database, "VACUUM ANALYZE", "CHECKPOINT")
        self.execute(
            database,
            "CREATE EXTENSION IF NOT EXISTS pg_prewarm",
            "SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relkind IN ('r', 'i') AND oid >= 16384",
        )

    def query(self, database: str, query: Any, *values: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.conninfo(database))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, values or None)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def execute(self, database: str, *statements: Any) -> None:
        for statement in statements:
            self.query(database, statement)

    def fdatasync_microseconds(self) -> float:
        """The cost of one fdatasync here. One server pays it per packet, the other per group of packets."""
        probe = self._data / "fsync.probe"
        said = self._run("pg_test_fsync", "-s", "1", "-f", probe)
        found = re.search(r"fdatasync\s+[\d.]+ ops/sec\s+([\d.]+) usecs/op", said)
        if found is None:
            raise RuntimeError(f"pg_test_fsync said:\n{said}")
        return float(found[1])

    def _answers(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{tail(self._log)}")
        try:
            psycopg2.connect(self.conninfo("postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: Any) -> str:
        finished = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            **self._identity(),
        )
        if finished.returncode:
            raise RuntimeError(f"{program} failed:\n{finished.stdout}{finished.stderr}")
        return finished.stdout

    def _identity(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        account = pwd.getpwnam(UNPRIVILEGED_USER)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}


def _options(settings: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in settings.items()]
