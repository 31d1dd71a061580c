"""What the code of a service works with: its database, its clock, its settings."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from nameko.extensions import DependencyProvider, SharedExtension
from sqlalchemy.orm import Session

from servicekit.clock import Clock, local_date
from servicekit.db import Database
from servicekit.secrets import FieldCipher
from servicekit.settings import ServiceSettings

# In nameko's configuration: the settings of the services of the process, by name.
SETTINGS_KEY = "settings"

Kind = TypeVar("Kind", bound=ServiceSettings)


class Runtime(Generic[Kind]):
    """One per service and process. `Runtime[RadiusSettings]` tells mypy of settings of one service."""

    def __init__(self, settings: Kind, clock: Clock | None = None) -> None:
        self.service = settings.service
        self.settings = settings
        self.clock = clock or settings.clock
        self.database = Database(settings.database_url)

    @property
    def cipher(self) -> FieldCipher:
        """Only for services whose settings have the encryption key."""
        return self.settings.cipher  # type: ignore[attr-defined]  # see EncryptionSettings

    def transaction(self) -> AbstractContextManager[Session]:
        return self.database.transaction()

    def reading(self) -> AbstractContextManager[Session]:
        return self.database.reading()

    def now(self) -> datetime:
        """Business time."""
        return self.clock.now()

    def today(self) -> date:
        """The date in the ISP's time zone, by business time."""
        return local_date(self.now(), self.settings.time_zone)


class RuntimeExtension(SharedExtension):
    """Shared by all extensions of a container; made on first use, for nameko sets them up in any order."""

    _runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        if self._runtime is None:
            settings = self.container.config[SETTINGS_KEY]
            self._runtime = Runtime(settings[self.container.service_name])
        return self._runtime


class ServiceRuntime(DependencyProvider):
    """Injects the Runtime."""

    shared = RuntimeExtension()

    def get_dependency(self, _worker_ctx: Any) -> Runtime:
        return self.shared.runtime
