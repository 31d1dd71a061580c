"""Settings: how the ISP shows itself, and billing."""

from __future__ import annotations

from typing import Annotated

from contracts.billing import BillingSettings, ChangeSettings, SuspensionMode, TaxMode

from gateway.api.fields import Days, Input, LongText, Name, Text, one_of, optional
from gateway.api.routing import File, by_operator, endpoint
from gateway.api.shapes import Shape
from gateway.branding import brand, logos
from gateway.branding.brand import Brand
from gateway.clients.context import current, services
from gateway.http.access import Permission

Mode = Annotated[SuspensionMode, one_of(SuspensionMode)]
Tax = Annotated[TaxMode, one_of(TaxMode)]


LOGO = File((logos.PNG, logos.SVG), logos.MAX_OCTETS + 1)  # a body that fills its limit may have been cut


class GeneralSettingsChange(Input):
    isp_name: Name = optional()
    color: Text = optional()
    support_phone: Text = optional()
    support_email: Text = optional()
    address: LongText = optional()
    tin: Text = optional()


class GeneralSettingsShape(Shape):
    """`color` is #rrggbb; `logo_url` is null without a logo, and needs no token."""

    version: int
    isp_name: str
    color: str
    support_phone: str
    support_email: str
    address: str
    tin: str
    logo_url: str | None


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


@endpoint("GET", "/settings/general", permission=Permission.VIEW_DASHBOARD, answer=GeneralSettingsShape)
def get_general_settings() -> Brand:
    """Show the ISP's name, colour and contacts."""
    return brand.load()


@endpoint(
    "PATCH",
    "/settings/general",
    permission=Permission.EDIT_SETTINGS,
    body=GeneralSettingsChange,
    answer=GeneralSettingsShape,
)
def change_general_settings(body: GeneralSettingsChange) -> Brand:
    """Change the ISP's name, colour and contacts; those left out stay."""
    with current().database.transaction() as session:
        return brand.change(session, body.given())


@endpoint(
    "PUT",
    "/settings/general/logo",
    permission=Permission.EDIT_SETTINGS,
    file=LOGO,
    answer=GeneralSettingsShape,
)
def put_logo(content: bytes) -> Brand:
    """Set the logo: the body is the file, PNG (at least 128 x 128 pixels) or SVG, at most 2 MB."""
    with current().database.transaction() as session:
        return brand.set_logo(session, content)


@endpoint(
    "DELETE",
    "/settings/general/logo",
    permission=Permission.EDIT_SETTINGS,
    answer=GeneralSettingsShape,
)
def delete_logo() -> Brand:
    """Remove the logo."""
    with current().database.transaction() as session:
        return brand.remove_logo(session)


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
