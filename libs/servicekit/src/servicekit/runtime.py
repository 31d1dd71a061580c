"""What the code of a service is handed: its database, its clock, its settings."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any

from nameko.extensions import DependencyProvider, SharedExtension
from sqlalchemy.orm import Session

from servicekit.clock import Clock, clock_of, local_date
from servicekit.db import Database
from servicekit.settings import Settings

SETTINGS_KEY = "settings"


class Runtime:
    """One per service and process."""

    def __init__(self, service: str, settings: Settings, clock: Clock | None = None) -> None:
        self.service = service
        self.settings = settings
        self.clock = clock or clock_of(settings.data_dir, movable=settings.movable_clock)
        self.database = Database(settings.database_urls[service])
        self.cipher = settings.cipher

    def transaction(self) -> AbstractContextManager[Session]:
        return self.database.transaction()

    def reading(self) -> AbstractContextManager[Session]:
        return self.database.reading()

    def now(self) -> datetime:
        return self.clock.now()

    def today(self) -> date:
        """The date in the ISP's time zone."""
        return local_date(self.now(), self.settings.time_zone)


class RuntimeExtension(SharedExtension):
    """Shared by all extensions of a container, made on first use: nameko sets them up in no fixed order."""

    _runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        if self._runtime is None:
            self._runtime = Runtime(self.container.service_name, self.container.config[SETTINGS_KEY])
        return self._runtime


class ServiceRuntime(DependencyProvider):
    """Injects the Runtime."""

    shared = RuntimeExtension()

    def get_dependency(self, _worker_ctx: Any) -> Runtime:
        return self.shared.runtime
