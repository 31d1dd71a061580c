"""Settings: the ISP's branding, and billing."""

from __future__ import annotations

from typing import Any, get_type_hints

from contracts.billing_settings import SETTINGS, BillingSettings
from pydantic import Field, create_model

from gateway.api.routing import File, by_operator, endpoint
from gateway.api.shapes import Shape, Version
from gateway.audit.events import Event
from gateway.branding import brand, logos
from gateway.branding.brand import Brand
from gateway.clients.context import current, services
from gateway.http.access import Permission
from gateway.resources.edits import save, texts_of
from gateway.resources.settings import BillingSettingsChange, BillingSettingsInput, GeneralSettingsChange

LOGO = File(
    (logos.PNG, logos.SVG), logos.MAX_OCTETS + 1
)  # a body that reaches its limit may have been truncated


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


def _described(name: str) -> Any:
    return Field(description=SETTINGS[name].help or None if name in SETTINGS else None)


_types = {
    name: kind for name, kind in get_type_hints(BillingSettings).items() if name not in ("version", "edit")
}
_shown: dict[str, Any] = {name: (kind, _described(name)) for name, kind in _types.items()}
_shown["version"] = (Version, ...)
BillingSettingsShape = create_model("BillingSettingsShape", __base__=Shape, **_shown)


@endpoint("GET", "/settings/general", permission=Permission.VIEW_DASHBOARD, answer=GeneralSettingsShape)
def get_general_settings() -> Brand:
    """Show the ISP's name, color and contacts."""
    return brand.load()


@endpoint(
    "PATCH",
    "/settings/general",
    permission=Permission.EDIT_SETTINGS,
    body=GeneralSettingsChange,
    answer=GeneralSettingsShape,
    event=Event("api.change_general_settings", "Changed the general settings"),
)
def change_general_settings(body: GeneralSettingsChange) -> Brand:
    """Change the ISP's name, color and contacts. Fields that are left out stay the same."""

    def change() -> Brand:
        with current().database.transaction() as session:
            return brand.change(session, body.texts(), version=body.version)

    return save(body, change, brand.load, lambda saved: texts_of(GeneralSettingsChange, saved))


@endpoint(
    "PUT",
    "/settings/general/logo",
    permission=Permission.EDIT_SETTINGS,
    file=LOGO,
    answer=GeneralSettingsShape,
    event=Event("api.put_logo", "Changed the logo"),
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
    event=Event("api.delete_logo", "Removed the logo"),
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
    event=Event("api.change_billing_settings", "Changed the billing settings"),
)
def change_billing_settings(body: BillingSettingsInput) -> BillingSettings:
    """Change billing settings. Fields that are left out stay the same."""
    billing = services().billing
    return save(
        body,
        lambda: billing.change_settings(body.command(by_operator())),
        billing.get_settings,
        lambda saved: texts_of(type(body), saved),
    )
