"""Plans, services and subscribers on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from contracts import account_number
from contracts.access import covering, suspending_holds
from contracts.holds import ExemptionView, HoldReason, HoldView
from contracts.money import Money
from contracts.pricing import BillingTerms, DiscountKind
from contracts.radius import ServiceState
from contracts.subscriber import PlanStatus, PlanView, ServiceStatus, ServiceView, SubscriberView
from servicekit.clock import local_date

from gateway.clients.context import current
from gateway.clients.lookups import is_provisioned
from gateway.display.money import money
from gateway.display.times import day, minute
from gateway.display.words import Words, template_filter


def provisioned_in_words(service: ServiceView, state: ServiceState | None) -> str:
    """Whether RADIUS knows the service as the page shows it. The login can still fail on the other side."""
    return "Yes" if is_provisioned(service, state) else "Not yet"


@template_filter
def mistyped_account(text: str) -> str:
    """Why nobody was found, if `text` was meant as an account number; else nothing."""
    if not account_number.is_mistyped(text):
        return ""
    shown = account_number.formatted(account_number.typed(text) or "")
    return f"{shown} is not an account number. Check the digits: one is wrong, or two are swapped."


@template_filter
def plan_status(plan: PlanView) -> Words:
    words = {PlanStatus.ACTIVE: Words("Active", "good"), PlanStatus.ARCHIVED: Words("Archived", "quiet")}
    return words[plan.status]


def holds_it_back(service: ServiceView) -> list[HoldView]:
    """The holds that suspend the service now."""
    return suspending_holds(service.holds, service.exemptions, current().clock.now())


def exemption_of(service: ServiceView, hold: HoldView) -> ExemptionView | None:
    """The exemption that covers an active hold now and lasts the longest, if there is one."""
    active = covering(hold.reason, service.exemptions, current().clock.now())
    return max(active, key=lambda one: one.until, default=None)


def restored_until(service: ServiceView) -> ExemptionView | None:
    """The exemption without which the service would be suspended; the first to end, if several are needed."""
    if service.status is not ServiceStatus.ACTIVE:
        return None
    needed = [exemption_of(service, hold) for hold in service.standing_holds]
    return min((one for one in needed if one is not None), key=lambda one: one.until, default=None)


@template_filter
def service_status(service: ServiceView) -> Words:
    words = {
        ServiceStatus.ACTIVE: Words("Active", "warn" if restored_until(service) else "good"),
        ServiceStatus.SUSPENDED: Words("Suspended", "bad"),
        ServiceStatus.TERMINATED: Words("Terminated", "quiet"),
    }
    return words[service.status]


@dataclass(frozen=True)
class SubscriberStatus:
    """A subscriber's state: a badge, and the reason in a sentence."""

    badge: Words
    reason: str


def status_in_words(subscriber: SubscriberView) -> SubscriberStatus:
    """The status over all services: suspended while any of them is."""
    status = subscriber.status
    if status is ServiceStatus.TERMINATED:
        return SubscriberStatus(Words("Terminated", "quiet"), "All services are terminated.")
    if status is None:
        return SubscriberStatus(Words("No service", "quiet"), "Add a service for this subscriber.")
    if status is ServiceStatus.ACTIVE:
        restored = [one for one in map(restored_until, subscriber.live_services) if one is not None]
        if restored:
            first = min(restored, key=lambda one: one.until)
            return SubscriberStatus(
                Words("Active", "warn"), f"{restored_in_words(first)}. A bill is overdue."
            )
        since = min(service.activated_on for service in subscriber.live_services)
        return SubscriberStatus(Words("Active", "good"), f"Subscriber since {day(since)}.")
    zone = current().settings.time_zone
    since_when = [
        f"{hold_reason(hold.reason)} hold since {day(local_date(hold.placed_at, zone))}"
        for service in subscriber.live_services
        for hold in holds_it_back(service)
    ]
    return SubscriberStatus(Words("Suspended", "bad"), f"{'; '.join(dict.fromkeys(since_when))}.")


@template_filter
def restored_in_words(exemption: ExemptionView) -> str:
    """Restored until 4 Dec 2026, 10:02 by ana@example.com"""
    return f"Restored until {minute(exemption.until)} by {exemption.author}"


@template_filter
def hold_reason(reason: HoldReason) -> str:
    words = {
        HoldReason.OVERDUE: "Overdue bill",
        HoldReason.ADMIN: "Admin",
        HoldReason.ABUSE: "Abuse",
        HoldReason.VACATION: "Vacation",
        HoldReason.EQUIPMENT: "Equipment",
    }
    return words[reason]


@template_filter
def terms(value: BillingTerms) -> str:
    """Plan price; or the individual price and the discount in words."""
    price = "Plan price"
    if value.individual_price is not None:
        price = f"Individual price {money(value.individual_price)}"
    discount = value.discount
    if discount is None:
        return price
    if discount.kind is DiscountKind.PERCENT:
        amount = f"{Decimal(discount.value).scaleb(-2).normalize():f}%"
    else:
        amount = money(Money(discount.value))
    until = f" until {day(discount.until)}" if discount.until else ""
    return f"{price}, less {amount}{until}"


def charge_in_words(terms: BillingTerms, plan_price: Money, today: date) -> str:
    """You charge ₱1,979.10 a month until 31 Mar 2027, then ₱2,199.00."""
    price, charged, discount = terms.price(plan_price), terms.charge(plan_price, today), terms.discount
    if discount is not None and not discount.applies_on(today):
        return "The discount has ended. Enter today or a later date, or leave the date blank."
    words = f"You charge {money(charged)} a month"
    if discount is not None and discount.until is not None:
        words = f"{words} until {day(discount.until)}, then {money(price)}"
    if not charged.minor and price.minor:
        return f"{words}. The discount takes off the whole price, so no invoice is created."
    return f"{words}."


def service_in_words(service: ServiceView) -> Words:
    """The state of a service, in words for its subscriber."""
    if service.status is ServiceStatus.ACTIVE:
        restored = restored_until(service)
        if restored is not None:
            until = minute(restored.until)
            return Words(f"Your internet is on until {until}. Pay before then to keep it on.", "warn")
        return Words("Your internet is on.", "good")
    if service.status is ServiceStatus.TERMINATED:
        return Words("This service has ended.", "quiet")
    reasons = {hold.reason for hold in holds_it_back(service)}
    if reasons == {HoldReason.OVERDUE}:
        return Words(
            "Your internet is off because a bill is overdue. It comes back automatically once you pay.", "bad"
        )
    return Words("Your internet is off. Contact us for help.", "bad")
