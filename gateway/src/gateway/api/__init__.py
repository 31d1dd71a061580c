"""The REST API. Importing this package declares every endpoint."""

from gateway.api import (
    audit_log,
    billing_runs,
    clock,
    collections,
    invoices,
    ledger,
    lines,
    operators,
    payments,
    plans,
    reports,
    routers,
    services,
    sessions,
    settings,
    subscribers,
    tokens,
)
from gateway.api.routing import blueprint

__all__ = [
    "audit_log",
    "billing_runs",
    "blueprint",
    "clock",
    "collections",
    "invoices",
    "ledger",
    "lines",
    "operators",
    "payments",
    "plans",
    "reports",
    "routers",
    "services",
    "sessions",
    "settings",
    "subscribers",
    "tokens",
]
