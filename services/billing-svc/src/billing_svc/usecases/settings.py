"""Creating and changing the billing settings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime

from contracts.billing import BillingSettingsChanged, ChangeSettings
from contracts.billing_settings import DEFAULTS, SETTINGS
from contracts.common import changes
from servicekit import outbox
from servicekit.db import insert_if_absent
from servicekit.edits import check_current, mark_edited
from sqlalchemy.orm import Session

from billing_svc.lookups import SETTINGS_ID, load_settings
from billing_svc.models import Settings
from billing_svc.views import settings_view


def ensure_settings(session: Session, *, now: datetime, today: date) -> None:
    """Create the settings with their defaults at the first start, and publish them."""
    values = {**asdict(DEFAULTS), "generation_day_set_on": today}
    del values["edit"]  # no person has edited them
    if insert_if_absent(session, Settings, id=SETTINGS_ID, **values):
        _publish(session, load_settings(session), now)


def change_settings(session: Session, command: ChangeSettings, *, now: datetime, today: date) -> Settings:
    """Change settings, and publish them if one of them is different now.

    Raises InvalidInput, which names the setting and what it accepts, and Stale.
    """
    settings = load_settings(session, lock=True)
    check_current(settings, command)
    changed = {name: value for name, value in changes(command) if value != getattr(settings, name)}
    for name, value in changed.items():
        SETTINGS[name].check(name, value)
        setattr(settings, name, value)
    if "invoice_generation_day" in changed:
        settings.generation_day_set_on = today
    if changed:
        settings.version += 1
        mark_edited(settings, command, now)
        _publish(session, settings, now)
    return settings


def _publish(session: Session, settings: Settings, now: datetime) -> None:
    outbox.add(session, BillingSettingsChanged(settings=settings_view(settings)), now=now)
