"""The REST API. Importing this package declares every endpoint."""

from gateway.api import (
    billing_runs,
    clock,
    collections,
    invoices,
    ledger,
    payments,
    plans,
    routers,
    services,
    sessions,
    settings,
    subscribers,
    tokens,
)
from gateway.api.routing import blueprint

__all__ = [
    "billing_runs",
    "blueprint",
    "clock",
    "collections",
    "invoices",
    "ledger",
    "payments",
    "plans",
    "routers",
    "services",
    "sessions",
    "settings",
    "subscribers",
    "tokens",
]
