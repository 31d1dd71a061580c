"""Settings of the control plane. Those of the listener are in listener/process/settings.py."""

from __future__ import annotations

from dataclasses import dataclass

from servicekit import environment
from servicekit.environment import choice, setting
from servicekit.settings import EncryptingServiceSettings


@dataclass(frozen=True, kw_only=True)
class RadiusSettings(EncryptingServiceSettings):
    freeradius_in_front: bool = setting(
        "ISPOS_RADIUS_SERVER",
        choice(
            "a RADIUS server",
            {"builtin": False, "freeradius": True},
            "use builtin (the default) or freeradius",
        ),
        default=False,
        default_shown="`builtin`",
        meaning="`freeradius`: FreeRADIUS answers the routers. The built-in listener is not started, and "
        "`/readyz` leaves it out ([docs/howto/freeradius.md](docs/howto/freeradius.md))",
    )
    session_days: int = setting(
        "ISPOS_RADIUS_SESSION_DAYS",
        environment.days,
        default=400,
        meaning="Days to keep closed sessions and requests to routers. Usage per day is kept. `0` keeps "
        "everything",
    )
    reject_days: int = setting(
        "ISPOS_RADIUS_REJECT_DAYS",
        environment.days,
        default=90,
        meaning="Days to keep refused logins. `0` keeps them all",
    )
