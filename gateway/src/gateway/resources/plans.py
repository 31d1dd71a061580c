"""Plans: the input to add or change one."""

from __future__ import annotations

from typing import Annotated

from contracts.subscriber import BillingType, Burst, ChangePlan, CreatePlan, PlanView

from gateway.resources.edits import EditInput, texts_of
from gateway.resources.fields import (
    Confirmable,
    Input,
    Kbps,
    MoneyInput,
    Name,
    Number,
    Origin,
    Trimmed,
    one_of,
    optional,
)

KindOfBilling = Annotated[BillingType, one_of(BillingType)]


class BurstInput(Input):
    """A RouterOS burst: for `seconds`, higher speeds (kbit/s) while the average stays below the threshold."""

    download_kbps: Kbps
    upload_kbps: Kbps
    threshold_download_kbps: Kbps
    threshold_upload_kbps: Kbps
    seconds: Number

    def as_burst(self) -> Burst:
        return Burst(**self.given())


class NewPlan(Input):
    name: Name
    price: MoneyInput
    billing_type: KindOfBilling = BillingType.POSTPAID
    download_kbps: Kbps
    upload_kbps: Kbps
    burst: BurstInput | None = None
    address_pool: Trimmed | None = None

    def command(self, origin: Origin) -> CreatePlan:
        burst = self.burst.as_burst() if self.burst else None
        return CreatePlan(**dict(self) | {"burst": burst}, **origin)


class PlanChange(EditInput, Confirmable):
    name: Name = optional()
    price: MoneyInput = optional()
    download_kbps: Kbps = optional()
    upload_kbps: Kbps = optional()
    burst: BurstInput | None = optional()
    address_pool: Trimmed | None = optional()

    def command(self, plan_id: str, origin: Origin) -> ChangePlan:
        fields = self.given()
        if self.burst is not None:
            fields["burst"] = self.burst.as_burst()
        return ChangePlan(plan_id=plan_id, clear=self.emptied("burst", "address_pool"), **fields, **origin)

    @staticmethod
    def texts(plan: PlanView) -> dict[str, str]:
        """The fields of a plan as its form shows them."""
        return texts_of(PlanChange, plan)
