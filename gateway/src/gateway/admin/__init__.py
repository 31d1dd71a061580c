"""The pages that operators work with. Importing this package declares every page."""

from gateway.admin import (
    billing,
    dashboard,
    login,
    payments,
    plans,
    routers,
    sessions,
    settings,
    setup,
    subscribers,
)
from gateway.admin.pages import blueprint

__all__ = [
    "billing",
    "blueprint",
    "dashboard",
    "login",
    "payments",
    "plans",
    "routers",
    "sessions",
    "settings",
    "setup",
    "subscribers",
]
