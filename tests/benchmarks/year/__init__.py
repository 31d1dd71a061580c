"""A year of an ISP, written straight into the databases: books that agree, sessions, usage, reconnects."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from servicekit.db import Database
from servicekit.secrets import FieldCipher

from tests.benchmarks.copying import analyze
from tests.benchmarks.year.billing import seed_billing
from tests.benchmarks.year.books import Year
from tests.benchmarks.year.network import seed_radius, seed_router
from tests.benchmarks.year.operators import seed_gateway
from tests.benchmarks.year.payments import seed_payment
from tests.benchmarks.year.people import LAST_NAMES, Person
from tests.benchmarks.year.subscribers import seed_subscriber

__all__ = ["LAST_NAMES", "Person", "Year", "seed"]


def seed(databases: Mapping[str, Database], cipher: FieldCipher, year: Year) -> None:
    """Fill the empty databases of all services."""
    parts: dict[str, Callable[[Database], None]] = {
        "subscriber": lambda database: seed_subscriber(database, year, cipher),
        "billing": lambda database: seed_billing(database, year),
        "payment": lambda database: seed_payment(database, year),
        "router": lambda database: seed_router(database, year, cipher),
        "radius": lambda database: seed_radius(database, year, cipher),
        "gateway": lambda database: seed_gateway(database, year),
    }
    for name, seed_part in parts.items():
        seed_part(databases[name])
        analyze(databases[name])
