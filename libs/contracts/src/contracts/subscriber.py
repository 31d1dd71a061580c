"""subscriber-svc: subscribers, plans, services and their holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from contracts.common import (
    UNEDITED,
    Command,
    Edit,
    Event,
    Instant,
    LastEdit,
    Page,
    PaymentId,
    PlanId,
    RouterId,
    ServiceId,
    SubscriberId,
)
from contracts.holds import (
    CancelExemption,
    ExemptionView,
    HoldChange,
    HoldReason,
    HoldView,
    PlaceHold,
    ReleaseHold,
    RestoreService,
    ServiceStatus,
)
from contracts.money import Money
from contracts.plans import (  # noqa: F401 - some are read from here
    MAX_KBPS,
    ArchivePlan,
    BillingType,
    Burst,
    ChangePlan,
    CreatePlan,
    PlanStatus,
    PlanView,
)
from contracts.pricing import PLAN_PRICE, BillingTerms, Discount
from contracts.subscriber_lists import ServiceCounts, SubscriberQuery

SERVICE_NAME = "subscriber"

NOTHING = Money(0)

MAX_SESSIONS = 16  # the highest session limit of a service (None means no limit)


@dataclass(frozen=True)
class ServiceView:
    """A service as operators see it. `version` grows with every change; consumers compare it.

    The months from `billed_from` on are billed. `exemptions` has all of them, the oldest first.
    `session_limit` is how many sessions the login may have at the same time; None means no limit.
    """

    id: ServiceId
    version: int
    subscriber_id: SubscriberId
    pppoe_username: str
    plan_id: PlanId
    plan_name: str
    router_id: RouterId
    static_ip: str | None
    billing_terms: BillingTerms
    status: ServiceStatus
    holds: list[HoldView]
    activated_on: date
    billed_from: date
    terminated_at: Instant | None
    created_at: Instant
    session_limit: int | None = None
    exemptions: list[ExemptionView] = field(default_factory=list)
    edit: LastEdit = UNEDITED

    @property
    def standing_holds(self) -> list[HoldView]:
        """The active holds. Those that no exemption covers suspend the service."""
        return [hold for hold in self.holds if hold.is_standing]


@dataclass(frozen=True)
class SubscriberView:
    """A customer. `account_number` is as people read it, 10-0023-0 (see `contracts.account_number`).

    `short_id` is the secret in the address of their payment page: only people who may see money get it.
    `balance` and `oldest_due_on` are those of contracts.billing's AccountMoney, a moment ago.
    """

    id: SubscriberId
    short_id: str
    full_name: str
    email: str
    phone: str
    address: str
    notes: str
    services: list[ServiceView]
    created_at: Instant
    edit: LastEdit = UNEDITED
    account_number: str = ""  # answers stored before it existed do not have it
    area: str = ""
    balance: Money = NOTHING
    oldest_due_on: date | None = None

    @property
    def live_services(self) -> list[ServiceView]:
        """The services that are not terminated."""
        return [service for service in self.services if service.status is not ServiceStatus.TERMINATED]

    @property
    def standing_holds(self) -> list[HoldView]:
        """The active holds of all live services."""
        return [hold for service in self.live_services for hold in service.standing_holds]

    @property
    def status(self) -> ServiceStatus | None:
        """SUSPENDED if a live service is, TERMINATED if all services are, None without services."""
        if not self.live_services:
            return ServiceStatus.TERMINATED if self.services else None
        suspended = any(service.status is ServiceStatus.SUSPENDED for service in self.live_services)
        return ServiceStatus.SUSPENDED if suspended else ServiceStatus.ACTIVE


@dataclass(frozen=True)
class BalanceList:
    """Subscribers with what they owe: how many, the sum of their balances, and one page of them."""

    subscribers: int
    balance: Money
    page: Page[SubscriberView]


@dataclass(frozen=True)
class ServiceOwner:
    """Who has a service."""

    service_id: ServiceId
    subscriber_id: SubscriberId
    full_name: str


@dataclass(frozen=True)
class RevealedPassword:
    """The only view with a PPPoE password in clear. The caller records in the audit log who read it."""

    service_id: ServiceId
    pppoe_username: str
    pppoe_password: str


@dataclass(frozen=True)
class ServiceSnapshot:
    """The complete state of a service at `version`. Consumers keep the newest and drop older ones.

    The password is always encrypted (AES-256-GCM, bound to the service id).
    """

    id: ServiceId
    version: int
    subscriber_id: SubscriberId
    pppoe_username: str
    password_encrypted: str
    plan: PlanView
    router_id: RouterId
    static_ip: str | None
    billing_terms: BillingTerms
    status: ServiceStatus
    activated_on: date
    # Events published before these existed do not have them.
    session_limit: int | None = None
    billed_from: date | None = None
    terminated_on: date | None = None


# Commands


@dataclass(frozen=True, kw_only=True)
class NewService:
    """`billed_from` None: the day it is added."""

    pppoe_username: str
    pppoe_password: str
    plan_id: PlanId
    router_id: RouterId
    static_ip: str | None = None
    billing_terms: BillingTerms = PLAN_PRICE
    session_limit: int | None = 1
    billed_from: date | None = None


@dataclass(frozen=True, kw_only=True)
class CreateSubscriber(Command):
    full_name: str
    email: str = ""
    phone: str = ""
    address: str = ""
    area: str = ""
    notes: str = ""
    service: NewService | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeSubscriber(Edit):
    """None leaves a field as it is."""

    subscriber_id: SubscriberId
    full_name: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    area: str | None = None
    notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class RenewPaymentPage(Command):
    """Give the payment page a new address, for instance because its link was shared. The old one stops
    working at once."""

    subscriber_id: SubscriberId


@dataclass(frozen=True, kw_only=True)
class AddService(Command):
    subscriber_id: SubscriberId
    service: NewService


@dataclass(frozen=True, kw_only=True)
class ChangeService(Edit):
    """None leaves a field as it is. `clear` names fields to empty: `static_ip`, `session_limit`,
    `individual_price`, `discount`."""

    service_id: ServiceId
    pppoe_username: str | None = None
    pppoe_password: str | None = None
    plan_id: PlanId | None = None
    router_id: RouterId | None = None
    static_ip: str | None = None
    billed_from: date | None = None
    individual_price: Money | None = None
    discount: Discount | None = None
    session_limit: int | None = None
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TerminateService(Command):
    service_id: ServiceId


@dataclass(frozen=True, kw_only=True)
class RevealPassword(Command):
    service_id: ServiceId


# Events


@dataclass(frozen=True, kw_only=True)
class SubscriberChanged(Event, name="subscriber.changed.v1", consumers=("billing", "payment")):
    """A subscriber was created, or their name was changed."""

    subscriber_id: SubscriberId
    version: int
    full_name: str

    @property
    def subject(self) -> str:
        return self.subscriber_id


@dataclass(frozen=True, kw_only=True)
class PlanChanged(Event, name="plan.changed.v1", consumers=("billing", "radius")):
    """A plan was created, changed or archived."""

    plan: PlanView

    @property
    def subject(self) -> str:
        return self.plan.id


@dataclass(frozen=True, kw_only=True)
class ServiceEvent(Event):
    """Base of the events about a service, which carry its complete state."""

    service: ServiceSnapshot

    @property
    def subject(self) -> str:
        return self.service.id


@dataclass(frozen=True, kw_only=True)
class ServiceCreated(ServiceEvent, name="service.created.v1", consumers=("billing", "radius")):
    """A service was added for a subscriber."""


@dataclass(frozen=True, kw_only=True)
class ServiceChanged(ServiceEvent, name="service.changed.v1", consumers=("billing", "radius")):
    """A service got other terms, or another plan, password, address or router."""


@dataclass(frozen=True, kw_only=True)
class ServiceTerminated(ServiceEvent, name="service.terminated.v1", consumers=("billing", "radius")):
    """A service was terminated for good."""


@dataclass(frozen=True, kw_only=True)
class ServiceHoldPlaced(ServiceEvent, name="service.hold_placed.v1", consumers=("billing", "radius")):
    """A hold was placed. If it is the only active hold, the service was just suspended."""

    reason: HoldReason


@dataclass(frozen=True, kw_only=True)
class ServiceHoldReleased(ServiceEvent, name="service.hold_released.v1", consumers=("billing", "radius")):
    """A hold was released. If no active hold is left, the service may go online again.

    `paid_at` and `payment_id` are set if a payment did it; the reconnect time counts from `paid_at`.
    """

    reason: HoldReason
    released_at: Instant
    paid_at: Instant | None = None
    payment_id: PaymentId | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceExempted(ServiceEvent, name="service.exempted.v1", consumers=("billing", "radius")):
    """An exemption began: the holds that it covers don't suspend the service until it ends."""

    exemption: ExemptionView


@dataclass(frozen=True, kw_only=True)
class ServiceExemptionEnded(ServiceEvent, name="service.exemption_ended.v1", consumers=("billing", "radius")):
    """An exemption ended. If a hold that it covered is still active, the service was just suspended."""

    exemption: ExemptionView


class Subscriber(Protocol):
    """RPC methods of subscriber-svc."""

    def create_plan(self, command: CreatePlan) -> PlanView: ...

    def change_plan(self, command: ChangePlan) -> PlanView: ...

    def archive_plan(self, command: ArchivePlan) -> PlanView: ...

    def get_plan(self, plan_id: PlanId) -> PlanView: ...

    def list_plans(self, limit: int, after: str | None) -> Page[PlanView]: ...

    def create_subscriber(self, command: CreateSubscriber) -> SubscriberView: ...

    def change_subscriber(self, command: ChangeSubscriber) -> SubscriberView: ...

    def renew_payment_page(self, command: RenewPaymentPage) -> SubscriberView: ...

    def get_subscriber(self, subscriber_id: SubscriberId) -> SubscriberView: ...

    def find_subscriber_by_short_id(self, short_id: str) -> SubscriberView | None: ...

    def list_subscribers(
        self, query: SubscriberQuery, limit: int, after: str | None
    ) -> Page[SubscriberView]: ...

    def list_balances(self, query: SubscriberQuery, limit: int, after: str | None) -> BalanceList: ...

    def list_areas(self) -> list[str]:
        """The areas of all subscribers in alphabetical order, up to 500."""
        ...

    def count_services(self) -> ServiceCounts: ...

    def list_service_owners(self, service_ids: list[ServiceId]) -> list[ServiceOwner]:
        """The owners of services (at most 200), also of terminated ones. Unknown ids are left out."""

    def list_hold_changes(self, limit: int) -> list[HoldChange]:
        """Hold changes of all services, newest first."""

    def add_service(self, command: AddService) -> ServiceView: ...

    def change_service(self, command: ChangeService) -> ServiceView: ...

    def terminate_service(self, command: TerminateService) -> ServiceView: ...

    def get_service(self, service_id: ServiceId) -> ServiceView: ...

    def place_hold(self, command: PlaceHold) -> ServiceView: ...

    def release_hold(self, command: ReleaseHold) -> ServiceView: ...

    def restore_service(self, command: RestoreService) -> ServiceView: ...

    def cancel_exemption(self, command: CancelExemption) -> ServiceView: ...

    def reveal_password(self, command: RevealPassword) -> RevealedPassword: ...
