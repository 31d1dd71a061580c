"""Rows of the router and RADIUS services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.radius import RequestKind, RequestOutcome
from contracts.router import RouterStatus, SessionControl
from radius_svc import models
from radius_svc.domain.change_rules import SUSPENDED_CLASS_IN_RADACCT
from radius_svc.domain.mschap import nt_password_hash
from radius_svc.models import control
from radius_svc.usecases import authorization
from router_svc import models as router
from servicekit.db import Database
from servicekit.ids import new_id as new_correlation_id
from servicekit.secrets import FieldCipher

from tests.benchmarks.copying import copy_rows
from tests.benchmarks.year.books import PLANS, Year
from tests.benchmarks.year.people import PASSWORD, Person

CLOSED_SESSIONS, CLOSED_DAYS = 25, 60
USAGE_DAYS = 30
ONLINE_SAMPLES = 400
GIGABYTE = 10**9
ROUTER_SECRET = "nas-secret-0123456789"


def seed_router(database: Database, year: Year, cipher: FieldCipher) -> None:
    routers = (
        {
            "id": router_id,
            "version": 1,
            "name": f"Router {number}",
            "status": RouterStatus.ONLINE,
            "nas_address": f"10.99.0.{number + 1}",
            "radius_secret_encrypted": cipher.encrypt(ROUTER_SECRET, router_id),
            "coa_port": 3799,
            "session_control": SessionControl.DISCONNECT,
            "require_message_authenticator": True,
            "created_at": year.at(year.months[0], 0),
        }
        for number, router_id in enumerate(year.router_ids)
    )
    copy_rows(database, router.Router, routers)


def seed_radius(database: Database, year: Year, cipher: FieldCipher) -> None:
    with database.transaction() as session:
        for plan_id, (_name, _price, kbps) in zip(year.plan_ids, PLANS, strict=True):
            rate = f"{kbps // 1000}M/{kbps // 1000}M"
            authorization.write_plan_group(session, plan_id, 1, {"Mikrotik-Rate-Limit": rate})
        for number, router_id in enumerate(year.router_ids):
            client = authorization.NasClient(
                router_id=router_id,
                version=1,
                address=f"10.99.0.{number + 1}",
                name=f"Router {number}",
                secret=ROUTER_SECRET,
            )
            authorization.write_nas(session, client)
        seq = authorization.next_seq(session)
        session.query(models.Nas).update({"last_heard_at": year.now})
    live = [person for person in year.people if not person.terminated]
    nt_hash = nt_password_hash(PASSWORD).hex()
    accounts = (_login(year, person, cipher, seq) for person in year.people)
    copy_rows(database, models.RadiusAccount, accounts)
    checks = (
        {"username": p.username, "attribute": "NT-Password", "op": ":=", "value": nt_hash} for p in live
    )
    copy_rows(database, models.RadCheck, checks)
    copy_rows(database, models.RadUserGroup, _groups(year, live))
    closed = CLOSED_SESSIONS * len(year.people)
    copy_rows(database, models.RadAcct, _sessions(year, live))
    open_ids = range(closed + 1, closed + len(live) + 1)
    marks = (
        {"radacctid": number, "download_octets": 3 * GIGABYTE, "upload_octets": GIGABYTE, "final": False}
        for number in open_ids
    )
    copy_rows(database, control.UsageMark, marks)
    newest = open_ids.stop - 1
    with database.transaction() as session:
        session.merge(control.UsageProgress(id=1, counted_to=newest, seen_to=newest))
    copy_rows(database, control.DailyUsage, _usage(year))
    copy_rows(database, control.OnlineCount, _samples(year, len(live)))
    back = [person for person in live if person.was_suspended]
    copy_rows(database, control.SessionChange, (_change(year, person, seq) for person in back))
    copy_rows(database, control.RequestAttempt, _attempts(year, back))
    copy_rows(database, control.Reconnect, _reconnects(year, back))


def _login(year: Year, person: Person, cipher: FieldCipher, seq: int) -> dict[str, Any]:
    return {
        "service_id": person.service_id,
        "version": 1,
        "subscriber_id": person.subscriber_id,
        "username": person.username,
        "password_encrypted": cipher.encrypt(PASSWORD, person.service_id),
        "plan_id": year.plan_ids[year.plan_of(person)],
        "router_id": year.router_ids[year.router_of(person)],
        "suspended": person.suspended,
        "terminated": person.terminated,
        "changed_seq": seq,
    }


def _groups(year: Year, live: Sequence[Person]) -> Iterator[dict[str, Any]]:
    for person in live:
        if person.suspended:
            group, priority = authorization.SUSPENDED_GROUP, authorization.SUSPENDED_PRIORITY
            yield {"username": person.username, "groupname": group, "priority": priority}
        group = authorization.plan_group(year.plan_ids[year.plan_of(person)])
        yield {"username": person.username, "groupname": group, "priority": authorization.PLAN_PRIORITY}


def _sessions(year: Year, live: Sequence[Person]) -> Iterator[dict[str, Any]]:
    """Closed sessions of the last weeks, then an open one for everyone."""
    each = timedelta(days=CLOSED_DAYS) / CLOSED_SESSIONS
    for number in range(CLOSED_SESSIONS):
        for person in year.people:
            began = year.now - timedelta(days=CLOSED_DAYS + 1) + number * each
            began += timedelta(seconds=person.number)
            yield _session(year, person, number, began, began + each - timedelta(hours=1))
    for person in live:
        began = year.now - timedelta(hours=12) + timedelta(seconds=person.number)
        yield _session(year, person, CLOSED_SESSIONS, began, None)


def _session(
    year: Year, person: Person, number: int, began: datetime, ended: datetime | None
) -> dict[str, Any]:
    fenced = person.suspended and ended is None
    return {
        "acctsessionid": f"8{number:02x}{person.number:06x}",
        "acctuniqueid": f"{number:02x}{person.number:030x}",
        "username": person.username,
        "nasipaddress": f"10.99.0.{year.router_of(person) + 1}",
        "nasportid": f"<pppoe-{person.username}>",
        "nasporttype": "Ethernet",
        "acctstarttime": began,
        "acctupdatetime": ended or year.now,
        "acctstoptime": ended,
        "acctsessiontime": ((ended or year.now) - began) // timedelta(seconds=1),
        "acctinputoctets": GIGABYTE,
        "acctoutputoctets": 3 * GIGABYTE,
        "calledstationid": "isp",
        "callingstationid": person.mac,
        "acctterminatecause": "Lost-Carrier" if ended else None,
        "servicetype": "Framed-User",
        "framedprotocol": "PPP",
        "framedipaddress": person.address,
        "class": SUSPENDED_CLASS_IN_RADACCT if fenced else None,
        "service_id": person.service_id,
        "router_id": year.router_ids[year.router_of(person)],
        "received_at": began,
    }


def _usage(year: Year) -> Iterator[dict[str, Any]]:
    for days in reversed(range(USAGE_DAYS)):
        day = year.today - timedelta(days=days)
        for person in year.people:
            yield {
                "service_id": person.service_id,
                "day": day,
                "download_octets": (1 + (person.number + days) % 9) * GIGABYTE,
                "upload_octets": GIGABYTE,
            }


def _samples(year: Year, online: int) -> Iterator[dict[str, Any]]:
    newest = datetime.fromtimestamp(year.now.timestamp() // 300 * 300, UTC)
    for number in range(1, ONLINE_SAMPLES):
        yield {"at": newest - number * timedelta(minutes=5), "sessions": online - number * 13 % 200}


def _change(year: Year, person: Person, seq: int) -> dict[str, Any]:
    at = year.came_back(person)
    return {
        "service_id": person.service_id,
        "kind": control.ChangeKind.AUTHORIZATION,
        "status": control.ChangeStatus.DONE,
        "authorized_seq": seq,
        "authorized_at": at,
        "rounds": 1,
        "next_round_at": at,
        "finished_at": at,
        "correlation_id": new_correlation_id(),
    }


def _attempts(year: Year, back: Sequence[Person]) -> Iterator[dict[str, Any]]:
    for change_id, person in enumerate(back, 1):
        at = year.came_back(person) + timedelta(milliseconds=40)
        yield {
            "id": year.new_id(at),
            "change_id": change_id,
            "service_id": person.service_id,
            "acctuniqueid": f"{CLOSED_SESSIONS - 1:02x}{person.number:030x}",
            "kind": RequestKind.DISCONNECT,
            "outcome": RequestOutcome.ACKED,
            "detail": "",
            "suspended": False,
            "sent_at": at,
            "answered_at": at + timedelta(milliseconds=3),
        }


def _reconnects(year: Year, back: Sequence[Person]) -> Iterator[dict[str, Any]]:
    for change_id, person in enumerate(back, 1):
        at, took = year.came_back(person), 300 + person.number * 37 % 9_000
        yield {
            "id": year.new_id(at),
            "service_id": person.service_id,
            "change_id": change_id,
            "payment_id": year.new_id(at),
            "paid_at": at,
            "released_at": at + timedelta(milliseconds=20),
            "authorized_at": at + timedelta(milliseconds=30),
            "router_acked_at": at + timedelta(milliseconds=50),
            "online_at": at + timedelta(milliseconds=took),
            "milliseconds": took,
        }
