"""What every request can use: settings, clocks, the database and the services."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from flask import current_app
from servicekit.clock import Clock, local_date
from servicekit.db import Database
from servicekit.rpc import Transport
from servicekit.secrets import FieldCipher

from gateway.clients.kept import Kept
from gateway.clients.services import Clients
from gateway.clients.token_bucket import TokenBucket
from gateway.clients.usual_wait import UsualWait
from gateway.pdf.renderer import Renderer
from gateway.settings import GatewaySettings

EXTENSION = "gateway"
# How long to wait for a part of a page that can be left out.
OPTIONAL_DEADLINE_SECONDS = 2.0
# Checking the ledger adds up every account.
PATIENT_DEADLINE_SECONDS = 60.0


@dataclass
class Gateway:
    """One per app. `clock` is business time, which operators may move; `wall` is the machine's time."""

    settings: GatewaySettings
    clock: Clock
    wall: Clock
    database: Database
    transport: Transport
    portal_bucket: TokenBucket = field(default_factory=TokenBucket)
    pdf: Renderer = field(default_factory=Renderer)
    kept: Kept = field(default_factory=Kept)
    usual_waits: defaultdict[str, UsualWait] = field(default_factory=lambda: defaultdict(UsualWait))
    # Set once all first steps are done, so that the dashboard no longer checks them.
    first_steps_over: bool = False

    @cached_property
    def services(self) -> Clients:
        return Clients(self.transport)

    @cached_property
    def optional(self) -> Clients:
        return Clients(self.transport, OPTIONAL_DEADLINE_SECONDS)

    @cached_property
    def patient(self) -> Clients:
        return Clients(self.transport, PATIENT_DEADLINE_SECONDS)

    @cached_property
    def cipher(self) -> FieldCipher:
        return self.settings.cipher

    def today(self) -> date:
        """Today's date in the ISP's time zone."""
        return local_date(self.clock.now(), self.settings.time_zone)

    def wall_now(self) -> datetime:
        return self.wall.now()


def current() -> Gateway:
    """The Gateway of the app that handles this request."""
    return current_app.extensions[EXTENSION]


def services() -> Clients:
    """Clients of the services, with the usual deadline for each call."""
    return current().services
