"""The settings of all processes of an installation, each read as the process itself reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gateway.settings import GatewaySettings
from radius_svc.listener.process.settings import ListenerSettings
from radius_svc.settings import RadiusSettings
from servicekit.environment import Reader, declared_in
from servicekit.settings import EncryptingServiceSettings, ProcessSettings, ServiceSettings

# As the service classes say. They are not imported here: the launcher of separate processes needs none.
SETTINGS_TYPES: dict[str, type[ServiceSettings]] = {
    "subscriber": EncryptingServiceSettings,
    "billing": ServiceSettings,
    "payment": ServiceSettings,
    "router": EncryptingServiceSettings,
    "radius": RadiusSettings,
    "gateway": GatewaySettings,
}
LISTENER = "radius-listener"


@dataclass(frozen=True)
class Installation:
    """The settings of every service, by name, and of the RADIUS listener."""

    services: Mapping[str, ServiceSettings]
    listener: ListenerSettings

    @property
    def gateway(self) -> GatewaySettings:
        return cast(GatewaySettings, self.services["gateway"])

    @property
    def radius(self) -> RadiusSettings:
        return cast(RadiusSettings, self.services["radius"])

    @property
    def data_dir(self) -> Path:
        return self.listener.data_dir


def read_installation(environ: Mapping[str, str] = os.environ) -> Installation:
    """Raises SettingsError, which names every variable that is wrong for any of the processes."""
    reader = Reader(environ)
    services = {name: reader.read(kind, service=name) for name, kind in SETTINGS_TYPES.items()}
    # Started from here, the listener works on the database of radius-svc, wherever that is.
    database = {"RADIUS_DATABASE_URL": services["radius"].database_url}
    of_listener = Reader({**environ, **database})
    installation = Installation(services, of_listener.read(ListenerSettings))
    reader.check(of_listener)
    return installation


def environ_for(process: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for one process, without the secrets that only others need."""
    own = _secrets_of(process)
    foreign = {name for other in (*SETTINGS_TYPES, LISTENER) for name in _secrets_of(other)} - own
    return {name: value for name, value in environ.items() if name not in foreign}


def _secrets_of(process: str) -> set[str]:
    kind: type[ProcessSettings] = SETTINGS_TYPES.get(process, ListenerSettings)
    return {one.variable_of(process) for one in declared_in(kind).values() if one.is_secret}
