"""Settings: the input to change them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from contracts.billing import ChangeSettings
from contracts.billing_settings import SETTINGS, Setting
from pydantic import Field, create_model

from gateway.resources.edits import EditInput
from gateway.resources.fields import Days, LongText, Name, Origin, Text, one_of, optional


class GeneralSettingsChange(EditInput):
    isp_name: Name = optional()
    color: Name = optional()
    support_phone: Text = optional()
    support_email: Text = optional()
    address: LongText = optional()
    tin: Text = optional()

    def texts(self) -> dict[str, str]:
        """The fields that were sent."""
        return {name: text for name, text in self.given().items() if name != "version"}


def _billing_input(setting: Setting) -> Any:
    """The type of a billing setting; billing-svc checks its limits."""
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


class BillingSettingsInput(EditInput):
    """Base of BillingSettingsChange, whose fields are declared in contracts/billing_settings.py."""

    def command(self, origin: Origin) -> ChangeSettings:
        return ChangeSettings(**self.given(), **origin)


_fields: dict[str, Any] = {name: (_billing_input(one), optional()) for name, one in SETTINGS.items()}
BillingSettingsChange = create_model("BillingSettingsChange", __base__=BillingSettingsInput, **_fields)
