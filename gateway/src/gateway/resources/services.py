"""Services: the input to add or change one, or to place a hold."""

from __future__ import annotations

from typing import Annotated

from contracts.holds import HoldReason, PlaceHold, RestoreService
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.subscriber import AddService, ChangeService, NewService, ServiceView

from gateway.display.typed import percent_value, pesos_as_typed
from gateway.resources.edits import EditInput, texts_of
from gateway.resources.fields import (
    Confirmable,
    Day,
    DiscountValue,
    Identifier,
    Input,
    LongText,
    Moment,
    MoneyInput,
    Origin,
    Secret,
    SessionLimit,
    Text,
    Trimmed,
    one_of,
    optional,
)

KindOfDiscount = Annotated[DiscountKind, one_of(DiscountKind)]
Reason = Annotated[HoldReason, one_of(HoldReason)]


class DiscountInput(Input):
    """Taken off the price. It applies to billing periods that begin on or before `until`."""

    kind: KindOfDiscount
    value: DiscountValue
    until: Day | None = None

    def as_discount(self) -> Discount:
        return Discount(self.kind, self.value, self.until)

    @classmethod
    def written(cls, texts: dict[str, str]) -> dict[str, str] | None:
        """A form has a switch for the kind; `10%` is a percentage in any case."""
        value = texts.get("value", "").strip()
        if not value:
            return None
        percent = value.endswith("%") or texts.get("kind") == DiscountKind.PERCENT
        if percent:
            number = value.removesuffix("%").strip()
            return texts | {"kind": DiscountKind.PERCENT.value, "value": f"{number}%"}
        return texts | {"kind": DiscountKind.AMOUNT.value}

    @classmethod
    def texts_of(cls, view: Discount) -> dict[str, str]:
        percent = view.kind is DiscountKind.PERCENT
        return {"value": str(percent_value(view.value)) if percent else pesos_as_typed(Money(view.value))}


class TermsInput(Input):
    """The billing terms alone."""

    individual_price: MoneyInput | None = None
    discount: DiscountInput | None = None


class ServiceInput(Input):
    """`individual_price` replaces the plan's price for this service; the discount applies after it.

    `session_limit`: how many sessions the login may have at once; null means no limit. `billed_from`: the
    month of this day is the first that is billed; null means the day the service is added.
    """

    pppoe_username: Text
    pppoe_password: Text
    plan_id: Identifier
    router_id: Identifier
    static_ip: Trimmed | None = None
    session_limit: SessionLimit | None = 1
    individual_price: MoneyInput | None = None
    discount: DiscountInput | None = None
    billed_from: Day | None = None

    def as_new_service(self) -> NewService:
        discount = self.discount.as_discount() if self.discount else None
        return NewService(
            pppoe_username=self.pppoe_username,
            pppoe_password=self.pppoe_password,
            plan_id=self.plan_id,
            router_id=self.router_id,
            static_ip=self.static_ip,
            session_limit=self.session_limit,
            billed_from=self.billed_from,
            billing_terms=BillingTerms(self.individual_price, discount),
        )


class NewServiceInput(ServiceInput, Confirmable):
    def command(self, subscriber_id: str, origin: Origin) -> AddService:
        service = self.as_new_service()
        return AddService(subscriber_id=subscriber_id, service=service, confirm=self.confirm, **origin)


class ServiceChange(EditInput, Confirmable):
    """null clears `static_ip`, `session_limit` (no limit), `individual_price` and `discount`; the other
    fields cannot be null."""

    pppoe_username: Text = optional()
    pppoe_password: Secret = optional()
    plan_id: Identifier = optional()
    router_id: Identifier = optional()
    static_ip: Trimmed | None = None
    session_limit: SessionLimit | None = None
    individual_price: MoneyInput | None = None
    discount: DiscountInput | None = None
    billed_from: Day = optional()

    def command(self, service_id: str, origin: Origin) -> ChangeService:
        fields = self.given()
        if self.discount is not None:
            fields["discount"] = self.discount.as_discount()
        clear = self.emptied("static_ip", "session_limit", "individual_price", "discount")
        return ChangeService(service_id=service_id, clear=clear, **fields, **origin)

    @staticmethod
    def texts(service: ServiceView) -> dict[str, str]:
        """The fields of a service as its form shows them."""
        return texts_of(ServiceChange, service, service.billing_terms)


class NewHold(Input):
    reason: Reason
    note: LongText = ""

    def command(self, service_id: str, origin: Origin) -> PlaceHold:
        return PlaceHold(service_id=service_id, reason=self.reason, note=self.note, **origin)


class Restore(Input):
    """The service works up to `until` although its bill is overdue; by default, for 3 days."""

    until: Moment | None = None
    note: LongText = ""

    def command(self, service_id: str, origin: Origin) -> RestoreService:
        return RestoreService(service_id=service_id, until=self.until, note=self.note, **origin)


def own_field_name(field: str) -> str:
    """The name that callers use for a field in a service's error: their billing terms are not nested."""
    return field.removeprefix("service.").removeprefix("billing_terms.")
