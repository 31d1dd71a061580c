"""The same subscribers and sessions in two schemas: ours, as our code writes them, and FreeRADIUS's.

Each is a template; every run copies it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.billing_settings import SuspensionMode
from radius_svc.domain.acct_unique_id import acct_unique_id
from radius_svc.domain.mschap import nt_password_hash
from radius_svc.models import (
    RadAcct,
    RadCheck,
    RadGroupReply,
    RadiusAccount,
    RadReply,
    RadUserGroup,
)
from radius_svc.usecases import authorization
from servicekit.db import Database
from servicekit.migrations import migrate
from servicekit.secrets import FieldCipher

from tests.benchmarks.copying import copy_rows
from tests.benchmarks.radius.freeradius import SCHEMA
from tests.benchmarks.radius.population import (
    CALLED_STATION,
    OPEN_GENERATION,
    PORT_ID,
    Population,
    Subscriber,
)
from tests.benchmarks.radius.postgres import Postgres

OURS, THEIRS, NEARLY_EMPTY = "ours", "theirs", "nearly_empty"
TEMPLATE = "{}_template"
SESSION_HOURS = 20
OURS_ALONE = ("service_id", "router_id", "received_at")
GIGABYTE = 1 << 30


class Databases:
    def __init__(self, postgres: Postgres, population: Population, cipher: FieldCipher) -> None:
        self._postgres = postgres
        self._population = population
        self._cipher = cipher
        self._now = datetime.now(UTC)

    def prepare(self) -> None:
        self._prepare_ours(OURS, self._population)
        self._prepare_ours(NEARLY_EMPTY, Population(size=1, closed_sessions=0))
        self._prepare_theirs()

    def reset(self, name: str) -> None:
        """Restore the initial state. This ends all connections, so stop the server first."""
        self._postgres.create(name, template=TEMPLATE.format(name))
        self._postgres.settle(name)

    def _prepare_ours(self, name: str, population: Population) -> None:
        template = TEMPLATE.format(name)
        self._postgres.create(template)
        database = Database(self._postgres.url(template))
        migrate(database, "radius_svc")
        with database.transaction() as session:
            for router in population.clients:
                client = authorization.NasClient(
                    router_id=router.id,
                    version=1,
                    address=router.address,
                    name=router.name,
                    secret=router.secret,
                )
                authorization.write_nas(session, client)
            for plan in population.plans:
                authorization.write_plan_group(session, plan.id, 1, plan.replies)
            authorization.write_suspended_group(
                session,
                1,
                mode=SuspensionMode.WALLED_GARDEN,
                address_list="isp-suspended",
                rate_limit="256k/256k",
                session_timeout_seconds=3600,
            )
            seq = authorization.next_seq(session)
        copy_rows(database, RadiusAccount, self._accounts(population, seq))
        copy_rows(database, RadCheck, _checks_of_ours(population))
        copy_rows(database, RadReply, _replies(population))
        copy_rows(database, RadUserGroup, _memberships(population))
        copy_rows(database, RadAcct, self._sessions(population))
        database.close()
        self._postgres.settle(template)

    def _prepare_theirs(self) -> None:
        template = TEMPLATE.format(THEIRS)
        self._postgres.create(template)
        self._postgres.execute(template, SCHEMA.read_text())
        database = Database(self._postgres.url(template))
        population = self._population
        copy_rows(database, RadCheck, _checks_of_theirs(population))
        copy_rows(database, RadReply, _replies(population))
        copy_rows(database, RadUserGroup, _memberships(population))
        copy_rows(database, RadGroupReply, _group_replies(population))
        theirs = (
            {name: value for name, value in row.items() if name not in OURS_ALONE}
            for row in self._sessions(population)
        )
        copy_rows(database, RadAcct, theirs)
        database.close()
        self._postgres.settle(template)

    def _accounts(self, population: Population, seq: int) -> Iterator[dict[str, Any]]:
        for subscriber in population.subscribers:
            yield {
                "service_id": subscriber.service_id,
                "version": 1,
                "subscriber_id": f"subscriber-{subscriber.number}",
                "username": subscriber.username,
                "password_encrypted": self._cipher.encrypt(subscriber.password, subscriber.service_id),
                "plan_id": subscriber.plan.id,
                "router_id": subscriber.router.id,
                "static_ip": subscriber.static_ip,
                "changed_seq": seq,
            }

    def _sessions(self, population: Population) -> Iterator[dict[str, Any]]:
        """Closed sessions, day by day, and an open one for everyone."""
        for generation in range(population.closed_sessions, OPEN_GENERATION, -1):
            began = self._now - timedelta(hours=SESSION_HOURS * (generation + 1))
            for subscriber in population.subscribers:
                yield _session(population, subscriber, generation, began, closed=True)
        began = self._now - timedelta(hours=SESSION_HOURS)
        for subscriber in population.subscribers:
            yield _session(population, subscriber, OPEN_GENERATION, began, closed=False)


def _session(
    population: Population, subscriber: Subscriber, generation: int, began: datetime, *, closed: bool
) -> dict[str, Any]:
    session_id = population.session_id(subscriber, generation)
    ended = began + timedelta(hours=SESSION_HOURS - 1)
    heard = ended if closed else datetime.now(UTC) - timedelta(seconds=60)
    return {
        "acctsessionid": session_id,
        "acctuniqueid": acct_unique_id(
            username=subscriber.username.encode(),
            session_id=session_id.encode(),
            nas_address=subscriber.router.address,
            nas_identifier=subscriber.router.name.encode(),
            nas_port_id=PORT_ID.encode(),
            nas_port=subscriber.nas_port,
        ),
        "username": subscriber.username,
        "nasipaddress": subscriber.router.address,
        "nasportid": PORT_ID,
        "nasporttype": "Ethernet",
        "acctstarttime": began,
        "acctupdatetime": heard,
        "acctstoptime": ended if closed else None,
        "acctsessiontime": int((heard - began).total_seconds()),
        "acctauthentic": "RADIUS",
        "acctinputoctets": GIGABYTE,
        "acctoutputoctets": 3 * GIGABYTE,
        "calledstationid": CALLED_STATION,
        "callingstationid": subscriber.mac,
        "acctterminatecause": "Lost-Carrier" if closed else None,
        "servicetype": "Framed-User",
        "framedprotocol": "PPP",
        "framedipaddress": subscriber.address,
        "service_id": subscriber.service_id,
        "router_id": subscriber.router.id,
        "received_at": began,
    }


def _checks_of_ours(population: Population) -> Iterator[dict[str, Any]]:
    """A new service may have one session at a time."""
    for subscriber in population.subscribers:
        yield _check(subscriber, "NT-Password", nt_password_hash(subscriber.password).hex())
        yield _check(subscriber, "Simultaneous-Use", "1")


def _checks_of_theirs(population: Population) -> Iterator[dict[str, Any]]:
    """The only form of a password that works with all four methods there."""
    for subscriber in population.subscribers:
        yield _check(subscriber, "Cleartext-Password", subscriber.password)


def _check(subscriber: Subscriber, attribute: str, value: str) -> dict[str, Any]:
    return {"username": subscriber.username, "attribute": attribute, "op": ":=", "value": value}


def _replies(population: Population) -> Iterator[dict[str, Any]]:
    for subscriber in population.subscribers:
        if subscriber.static_ip is not None:
            yield {
                "username": subscriber.username,
                "attribute": "Framed-IP-Address",
                "op": ":=",
                "value": subscriber.static_ip,
            }


def _memberships(population: Population) -> Iterator[dict[str, Any]]:
    for subscriber in population.subscribers:
        yield {
            "username": subscriber.username,
            "groupname": authorization.plan_group(subscriber.plan.id),
            "priority": authorization.PLAN_PRIORITY,
        }


def _group_replies(population: Population) -> Iterator[dict[str, Any]]:
    for plan in population.plans:
        for attribute, value in plan.replies.items():
            yield {
                "groupname": authorization.plan_group(plan.id),
                "attribute": attribute,
                "op": "=",
                "value": value,
            }
