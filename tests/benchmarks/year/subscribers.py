"""Rows of the subscriber service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from contracts import account_number
from contracts.holds import HoldReason
from contracts.subscriber import BillingType, PlanStatus
from servicekit.clock import local_date
from servicekit.db import Database
from servicekit.paging import folded
from servicekit.secrets import FieldCipher
from subscriber_svc import models as subscriber

from tests.benchmarks.copying import copy_rows
from tests.benchmarks.year.books import PLANS, ZONE, Year
from tests.benchmarks.year.people import PASSWORD, Person


def seed_subscriber(database: Database, year: Year, cipher: FieldCipher) -> None:
    began = year.at(year.months[0], 0)
    plans = [
        {
            "id": plan_id,
            "version": 1,
            "name": name,
            "price_minor": price,
            "currency": "PHP",
            "billing_type": BillingType.POSTPAID,
            "download_kbps": kbps,
            "upload_kbps": kbps,
            "status": PlanStatus.ACTIVE,
            "created_at": began,
        }
        for plan_id, (name, price, kbps) in zip(year.plan_ids, PLANS, strict=True)
    ]
    copy_rows(database, subscriber.Plan, plans)
    last = account_number.FIRST + len(year.people) - 1
    copy_rows(database, subscriber.AccountCounter, [{"id": 1, "last_number": last}])
    copy_rows(database, subscriber.Subscriber, map(_subscriber, year.people))
    copy_rows(database, subscriber.Service, (_service(year, person, cipher) for person in year.people))
    copy_rows(database, subscriber.Hold, _holds(year))
    standings = ({"subscriber_id": p.subscriber_id, "sequence": 1} for p in year.people if p.suspended)
    copy_rows(database, subscriber.AccountStanding, standings)


def _subscriber(person: Person) -> dict[str, Any]:
    return {
        "id": person.subscriber_id,
        "version": 1,
        "short_id": person.short_id,
        "account_number": person.account_number,
        "full_name": person.full_name,
        "name_key": folded(person.full_name),
        "email": f"{person.username}@example.com",
        "phone": person.phone,
        "address": f"Block {person.number % 90}, Brgy. San Jose",
        "notes": "",
        "created_at": person.created_at,
    }


def _service(year: Year, person: Person, cipher: FieldCipher) -> dict[str, Any]:
    return {
        "id": person.service_id,
        "version": 1,
        "subscriber_id": person.subscriber_id,
        "plan_id": year.plan_ids[year.plan_of(person)],
        "router_id": year.router_ids[year.router_of(person)],
        "pppoe_username": person.username,
        "password_encrypted": cipher.encrypt(PASSWORD, person.service_id),
        "activated_on": local_date(person.created_at, ZONE),
        "billed_from": local_date(person.created_at, ZONE),
        "created_at": person.created_at,
        "terminated_at": year.now - timedelta(days=10) if person.terminated else None,
    }


def _holds(year: Year) -> Iterator[dict[str, Any]]:
    for person in year.people:
        if not (person.suspended or person.was_suspended):
            continue
        released_at = None if person.suspended else year.came_back(person)
        placed_at = (released_at or year.now) - timedelta(days=1 + person.number % 9)
        yield {
            "id": year.new_id(placed_at),
            "service_id": person.service_id,
            "reason": HoldReason.OVERDUE,
            "note": "",
            "placed_by": "billing",
            "placed_at": placed_at,
            "released_by": "billing" if released_at else None,
            "released_at": released_at,
        }
