"""The real FreeRADIUS on the configuration in deploy/freeradius and the database of a running deployment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from servicekit.db import Database
from servicekit.private_postgres import PrivatePostgres
from servicekit.private_process import find_free_port, tail
from sqlalchemy import make_url, text

from tests.support.books import database_url
from tests.support.deployment import REPOSITORY, Deployment
from tests.support.waiting import wait_for

PROGRAM = "/usr/sbin/freeradius"  # /usr/sbin is not in every user's PATH
DEPLOY = REPOSITORY / "deploy" / "freeradius"
ROLE = "freeradius"
ROLE_PASSWORD = 'pa"ss'  # the most awkward that its configuration files can hold
MONITOR_SECRET = "monitor-secret"
KNOWN_SECONDS = 1
STOP_SECONDS = 20


def superuser(deployment: Deployment) -> Database:
    """The RADIUS database, as PostgreSQL's superuser."""
    port = make_url(database_url(deployment, "radius")).port
    server = PrivatePostgres(deployment.data_dir / "postgres", port=port)
    return Database(server.url(make_url(database_url(deployment, "radius")).database or ""))


def as_freeradius(deployment: Deployment) -> Database:
    """The RADIUS database, as FreeRADIUS sees it."""
    url = make_url(database_url(deployment, "radius")).set(username=ROLE, password=ROLE_PASSWORD)
    return Database(url.render_as_string(hide_password=False))


def make_role(deployment: Deployment) -> None:
    """Create the role as the how-to says: role.sql, then a password."""
    database = superuser(deployment)
    with database.transaction() as session:
        session.connection().exec_driver_sql((DEPLOY / "role.sql").read_text().replace("%", "%%"))
        session.execute(text(f"ALTER ROLE {ROLE} PASSWORD '{ROLE_PASSWORD}'"))
    database.close()


class FreeRadius:
    """FreeRADIUS, installed into `folder` as the how-to says, with its own local.conf. Use `running()`."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        self.folder = folder
        self.log = folder / "log" / "radius.log"
        self.auth_port, self.acct_port = deployment.auth_port, deployment.acct_port
        self._process: subprocess.Popen[bytes] | None = None
        self._install(make_url(database_url(deployment, "radius")))

    def _install(self, database) -> None:
        shutil.copytree(DEPLOY, self.folder, dirs_exist_ok=True)
        self.log.parent.mkdir()
        settings = {
            "confdir": self.folder,
            "logdir": self.log.parent,
            "run_dir": self.log.parent,
            "database_host": "127.0.0.1",
            "database_port": database.port,
            "database_name": database.database,
            "database_login": ROLE,
            "database_password": ROLE_PASSWORD.replace('"', '\\"'),
            "radius_address": "127.0.0.1",
            "auth_port": self.auth_port,
            "acct_port": self.acct_port,
            "router_network": "127.0.0.0/8",
            "router_known_seconds": KNOWN_SECONDS,
            "monitor_secret": MONITOR_SECRET,
        }
        local = self.folder / "local.conf"
        lines = local.read_text()
        for name, value in settings.items():
            lines, found = re.subn(rf"(?m)^{name} = .*$", lambda _: f'{name} = "{value}"', lines)  # noqa: B023
            assert found == 1, f"{name} is not a setting of deploy/freeradius/local.conf"
        local.write_text(lines)
        local.chmod(0o600)

    def start(self) -> None:
        """Start it in the foreground and wait until it is ready."""
        with (self.folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [PROGRAM, "-f", "-d", str(self.folder), *os.environ.get("FREERADIUS_DEBUG", "").split()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for("FreeRADIUS is ready", self._is_ready, seconds=30)

    def _is_ready(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"FreeRADIUS ended with {code}:\n{self.last_words()}"
        return self.log.exists() and "Ready to process requests" in self.log.read_text()

    def last_words(self, lines: int = 40) -> str:
        return tail(self.folder / "output.log", lines) + "\n" + tail(self.log, lines)

    def stop(self) -> None:
        """Stop it as systemd does. It must exit cleanly."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(timeout=STOP_SECONDS)
        self._process = None
        assert code == 0, f"FreeRADIUS ended with {code}:\n{self.last_words()}"

    def destroy(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running(freeradius: FreeRadius) -> Iterator[FreeRadius]:
    """Start it, wait until it is ready, and stop it at the end. Kill it if that fails."""
    try:
        freeradius.start()
        yield freeradius
        freeradius.stop()
    finally:
        freeradius.destroy()


class OwnListener:
    """Our own RADIUS listener on the same database and on other ports, started by hand."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        self.auth_port, self.acct_port = find_free_port(), find_free_port()
        self.log = folder / "listener.log"
        self._environ = psutil.Process(deployment.pid("radius")).environ() | {
            "ISPOS_RADIUS_AUTH_PORT": str(self.auth_port),
            "ISPOS_RADIUS_ACCT_PORT": str(self.acct_port),
            "ISPOS_LOG_LEVEL": "INFO",
        }

    @contextmanager
    def running(self) -> Iterator[OwnListener]:
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "radius_svc", "listen"],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(
                "our listener is ready",
                lambda: "radius listener ready" in self.log.read_text(),
                seconds=60,
            )
            yield self
            process.terminate()
            assert process.wait(timeout=STOP_SECONDS) == 0, tail(self.log)
        finally:
            process.kill()
            process.wait()
