"""Settings: how the ISP shows itself, and billing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, get_type_hints

from contracts.billing import ChangeSettings
from contracts.billing_settings import SETTINGS, BillingSettings, Setting
from pydantic import Field, create_model

from gateway.api.fields import Days, Input, LongText, Name, Text, one_of, optional
from gateway.api.routing import File, by_operator, endpoint
from gateway.api.shapes import Shape
from gateway.audit.events import Event
from gateway.branding import brand, logos
from gateway.branding.brand import Brand
from gateway.clients.context import current, services
from gateway.http.access import Permission

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


def _billing_input(setting: Setting) -> Any:
    """The type of a billing setting in a request; billing-svc checks its limits."""
    match setting.default:
        case bool():
            return bool
        case int():
            limits: Any = {"minimum": setting.minimum, "maximum": setting.maximum}
            return Annotated[Days, Field(json_schema_extra=limits)]
        case StrEnum():
            return Annotated[type(setting.default), one_of(type(setting.default))]
        case _:
            return Name


def _described(name: str) -> Any:
    return Field(description=SETTINGS[name].help or None if name in SETTINGS else None)


# Both are made from the declarations in contracts/billing_settings.py.
_inputs: dict[str, Any] = {name: (_billing_input(one), optional()) for name, one in SETTINGS.items()}
BillingSettingsChange = create_model("BillingSettingsChange", __base__=Input, **_inputs)
_types = {name: kind for name, kind in get_type_hints(BillingSettings).items() if name != "version"}
_shown: dict[str, Any] = {name: (kind, _described(name)) for name, kind in _types.items()}
BillingSettingsShape = create_model("BillingSettingsShape", __base__=Shape, **_shown)


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
    event=Event("api.change_general_settings", "Changed the general settings"),
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
def change_billing_settings(body: Input) -> BillingSettings:
    """Change billing settings; those left out stay."""
    return services().billing.change_settings(ChangeSettings(**body.given(), **by_operator()))
