"""Settings of billing."""

from __future__ import annotations

from typing import Annotated

from contracts.billing import BillingSettings, ChangeSettings, SuspensionMode, TaxMode

from gateway.access import Permission
from gateway.api.fields import Days, Input, Name, one_of, optional
from gateway.api.routing import by_operator, endpoint
from gateway.api.shapes import Shape
from gateway.context import services

Mode = Annotated[SuspensionMode, one_of(SuspensionMode)]
Tax = Annotated[TaxMode, one_of(TaxMode)]


class BillingSettingsChange(Input):
    invoice_generation_day: Days = optional()
    payment_terms_days: Days = optional()
    grace_period_days: Days = optional()
    auto_suspend: bool = optional()
    suspension_mode: Mode = optional()
    tax_mode: Tax = optional()
    invoice_series: Name = optional()


class BillingSettingsShape(Shape):
    invoice_generation_day: int
    payment_terms_days: int
    grace_period_days: int
    auto_suspend: bool
    suspension_mode: SuspensionMode
    tax_mode: TaxMode
    invoice_series: str
    currency: str


@endpoint("GET", "/settings/billing", permission=Permission.VIEW_BILLING, answer=BillingSettingsShape)
def get_billing_settings() -> BillingSettings:
    """Show the billing settings."""
    return services().billing.get_settings()


@endpoint(
    "PATCH",
    "/settings/billing",
    permission=Permission.EDIT_SETTINGS,
    body=BillingSettingsChange,
    answer=BillingSettingsShape,
)
def change_billing_settings(body: BillingSettingsChange) -> BillingSettings:
    """Change billing settings; those left out stay."""
    return services().billing.change_settings(ChangeSettings(**body.given(), **by_operator()))
