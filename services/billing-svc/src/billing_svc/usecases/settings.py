"""The billing settings of the ISP."""

from __future__ import annotations

import re
from datetime import date, datetime

from contracts.billing import (
    BillingSettings,
    BillingSettingsChanged,
    ChangeSettings,
    SuspensionMode,
    TaxMode,
)
from contracts.common import InvalidInput
from contracts.money import DEFAULT_CURRENCY
from servicekit import outbox
from servicekit.db import insert_if_absent
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_svc.models import Settings

THE_ROW = 1
RANGES = {
    "invoice_generation_day": (1, 28),
    "payment_terms_days": (1, 60),
    "grace_period_days": (0, 30),
}
_SERIES = re.compile(r"[A-Z0-9][A-Z0-9-]{0,11}")


def ensure_settings(session: Session, *, now: datetime, today: date) -> None:
    """Write the defaults at the first start, and tell them."""
    first = insert_if_absent(
        session,
        Settings,
        id=THE_ROW,
        version=1,
        invoice_generation_day=1,
        payment_terms_days=15,
        grace_period_days=5,
        auto_suspend=True,
        suspension_mode=SuspensionMode.WALLED_GARDEN,
        tax_mode=TaxMode.NON_VAT,
        invoice_series="INV",
        currency=DEFAULT_CURRENCY,
        generation_day_set_on=today,
    )
    if first:
        _say_changed(session, load_settings(session), now)


def load_settings(session: Session, *, lock: bool = False) -> Settings:
    query = select(Settings).where(Settings.id == THE_ROW)
    return session.scalars(query.with_for_update() if lock else query).one()


def change_settings(session: Session, command: ChangeSettings, *, now: datetime, today: date) -> Settings:
    """Raises InvalidInput naming the setting and its range."""
    settings = load_settings(session, lock=True)
    changes = {
        name: getattr(command, name) for name in vars(command) if name not in ("idempotency_key", "actor")
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    for name, value in changes.items():
        _check(name, value)
    if (
        changes.get("invoice_generation_day", settings.invoice_generation_day)
        != settings.invoice_generation_day
    ):
        settings.generation_day_set_on = today
    for name, value in changes.items():
        setattr(settings, name, value)
    if session.is_modified(settings):
        settings.version += 1
        _say_changed(session, settings, now)
    return settings


def view(settings: Settings) -> BillingSettings:
    return BillingSettings(
        version=settings.version,
        invoice_generation_day=settings.invoice_generation_day,
        payment_terms_days=settings.payment_terms_days,
        grace_period_days=settings.grace_period_days,
        auto_suspend=settings.auto_suspend,
        suspension_mode=settings.suspension_mode,
        tax_mode=settings.tax_mode,
        invoice_series=settings.invoice_series,
        currency=settings.currency,
    )


def _check(name: str, value: object) -> None:
    if name in RANGES:
        least, most = RANGES[name]
        if not isinstance(value, int) or not least <= value <= most:
            raise InvalidInput.of(name, f"must be between {least} and {most}")
    if name == "invoice_series" and not _SERIES.fullmatch(str(value)):
        raise InvalidInput.of(name, "must be 1 to 12 capital letters, digits or hyphens, such as INV")


def _say_changed(session: Session, settings: Settings, now: datetime) -> None:
    outbox.add(session, BillingSettingsChanged(settings=view(settings)), now=now)
