"""A deployment on databases that can be filled before it is started."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from servicekit.db import Database
from servicekit.migrations import migrate
from servicekit.private_postgres import PrivatePostgres
from servicekit.secrets import FieldCipher, new_key

from ispos.services import PACKAGES
from tests.support.deployment import Deployment, Mode


@dataclass
class Prepared:
    deployment: Deployment
    databases: dict[str, Database]
    cipher: FieldCipher
    spare_url: str  # an empty database of the same kind


@contextmanager
def prepared(mode: Mode) -> Iterator[Prepared]:
    """A migrated deployment that is not started. Everything is removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="isp-os-bench-"))
    directory.chmod(0o755)  # PostgreSQL under root runs as another user
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        data_dir = directory / "data"
        key = new_key()
        environ = {"ISPOS_ENCRYPTION_KEY": key}
        if mode == "distributed":
            postgres = PrivatePostgres(directory / "postgres-of-the-benchmark")
            postgres.start()
            stack.callback(postgres.stop)
            urls = {name: postgres.create_database(name, name, "benchmark") for name in PACKAGES}
            spare_url = postgres.create_database("spare", "spare", "benchmark")
            environ |= {f"{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
        else:
            data_dir.mkdir()
            urls = {name: f"sqlite:///{data_dir}/{name}.db" for name in PACKAGES}
            spare_url = f"sqlite:///{directory}/spare.db"
        databases = {name: Database(url) for name, url in urls.items()}
        for name, package in PACKAGES.items():
            migrate(databases[name], package)
        deployment = Deployment(mode, data_dir, environ=environ)
        stack.callback(deployment.destroy)
        yield Prepared(deployment, databases, FieldCipher(key), spare_url)
        for database in databases.values():
            database.close()


def processor_seconds() -> float:
    """Processor time of services, brokers and databases, but not of the users, who run in this process."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # PostgreSQL ends processes that it no longer needs
            spent = process.cpu_times()
            seconds += spent.user + spent.system
    return seconds
