"""The billing settings, each declared once: its type, default, limits and texts.

billing-svc checks and stores the settings by this declaration. The settings page makes its form from it, and
the API its schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from contracts.common import UNEDITED, InvalidInput, LastEdit
from contracts.money import DEFAULT_CURRENCY


class SuspensionMode(StrEnum):
    """What happens to the login of a suspended service.

    WALLED_GARDEN: it works but reaches only what the router allows. BLOCK: it is refused.
    """

    WALLED_GARDEN = "walled_garden"
    BLOCK = "block"


class TaxMode(StrEnum):
    """VAT_INCLUSIVE: prices include 12% VAT, which the invoice shows separately."""

    NON_VAT = "non_vat"
    VAT_INCLUSIVE = "vat_inclusive"


class FirstMonth(StrEnum):
    """What the month costs in which billing of a service begins."""

    FULL = "full"
    FREE = "free"


@dataclass(frozen=True)
class Setting:
    """The default of a setting, the values it accepts, and the texts people see.

    A number is from `minimum` to `maximum`, both of which `hint` may mention in braces. A text has at most
    `maximum` characters and matches `pattern`, which `pattern_words` describes. `choices` has the words for
    each member of an enum.
    """

    label: str
    default: Any
    hint: str = ""
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    pattern_words: str = ""
    choices: Mapping[StrEnum, str] | None = None

    @property
    def help(self) -> str:
        """The hint with the limits filled in."""
        return self.hint.format(minimum=self.minimum, maximum=self.maximum)

    def check(self, name: str, value: Any) -> None:
        """Raises InvalidInput for the field `name` if `value` is not accepted."""
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise InvalidInput.of(name, f"must be {self.pattern_words}")
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and not low <= value <= high:
            raise InvalidInput.of(name, f"must be between {low} and {high}")


def _setting(label: str, default: Any, hint: str = "", **more: Any) -> dict[str, Setting]:
    """The metadata of a declared field."""
    return {"setting": Setting(label, default, hint, **more)}


@dataclass(frozen=True, kw_only=True)
class BillingSettings:
    """The billing settings of the ISP. docs/howto/add-a-billing-setting.md says how to add one."""

    version: int
    invoice_generation_day: int = field(
        metadata=_setting(
            "Invoice Generation Day",
            default=1,
            hint="Day of the month when invoices are generated automatically, {minimum} to {maximum}.",
            minimum=1,
            maximum=28,
        )
    )
    payment_terms_days: int = field(
        metadata=_setting(
            "Payment Terms",
            default=15,
            hint="Days from the issue date to the due date, {minimum} to {maximum}.",
            minimum=1,
            maximum=60,
        )
    )
    grace_period_days: int = field(
        metadata=_setting(
            "Grace Period",
            default=5,
            hint="Days after the due date before a service is suspended, {minimum} to {maximum}.",
            minimum=0,
            maximum=30,
        )
    )
    auto_suspend: bool = field(
        metadata=_setting(
            "Auto-Suspend",
            default=True,
            hint="Automatically suspend subscribers who are overdue beyond the grace period. "
            "On or off, a payment restores the service.",
        )
    )
    suspension_mode: SuspensionMode = field(
        metadata=_setting(
            "Suspension mode",
            default=SuspensionMode.WALLED_GARDEN,
            choices={
                SuspensionMode.WALLED_GARDEN: "Walled garden: the login reaches only the payment page",
                SuspensionMode.BLOCK: "Block: the login is refused",
            },
        )
    )
    tax_mode: TaxMode = field(
        metadata=_setting(
            "Tax",
            default=TaxMode.NON_VAT,
            choices={TaxMode.NON_VAT: "Non-VAT", TaxMode.VAT_INCLUSIVE: "Prices include 12% VAT"},
        )
    )
    invoice_series: str = field(
        metadata=_setting(
            "Invoice series",
            default="INV",
            hint="The beginning of each invoice number.",
            maximum=12,
            pattern=r"[A-Z0-9][A-Z0-9-]{0,11}",
            pattern_words="1 to 12 capital letters, digits or hyphens, such as INV",
        )
    )
    first_month: FirstMonth = field(
        default=FirstMonth.FULL,
        metadata=_setting(
            "First month",
            default=FirstMonth.FULL,
            hint="How the month in which a service is added is billed. It is not prorated.",
            choices={FirstMonth.FULL: "Charge the full month", FirstMonth.FREE: "Free"},
        ),
    )
    currency: str
    edit: LastEdit = UNEDITED


# The settings that can be changed, by name. The currency cannot.
SETTINGS: Mapping[str, Setting] = {
    declared.name: declared.metadata["setting"]
    for declared in fields(BillingSettings)
    if "setting" in declared.metadata
}
DEFAULTS = BillingSettings(
    version=1, currency=DEFAULT_CURRENCY, **{name: setting.default for name, setting in SETTINGS.items()}
)
