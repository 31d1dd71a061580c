"""The nameko service: it translates RPC calls and events into queries and use cases."""

from __future__ import annotations

from datetime import date, datetime

from contracts.billing import AccountOverdue, AccountsChanged, AccountSettled
from contracts.common import InvalidInput, NotFound, Page
from contracts.holds import CancelExemption, HoldChange, PlaceHold, ReleaseHold, RestoreService
from contracts.router import Router
from contracts.subscriber import (
    AddService,
    ArchivePlan,
    BalanceList,
    ChangePlan,
    ChangeService,
    ChangeSubscriber,
    CreatePlan,
    CreateSubscriber,
    PlanView,
    RenewPaymentPage,
    RevealedPassword,
    RevealPassword,
    ServiceOwner,
    ServiceView,
    Subscriber,
    SubscriberView,
    TerminateService,
)
from contracts.subscriber_lists import ServiceCounts, SubscriberQuery
from nameko.timer import timer
from servicekit.events import handles
from servicekit.idempotency import carry_out
from servicekit.ids import new_id
from servicekit.rpc import Peer
from servicekit.service import Service, serves
from servicekit.settings import EncryptingServiceSettings, ServiceSettings
from sqlalchemy.orm import Session

from subscriber_svc import jobs, queries, views
from subscriber_svc.usecases import accounts, exemptions, holds, plans, services, subscribers

PROCESS = new_id()  # identifies this process as a holder of leases


@serves(Subscriber)
class SubscriberService(Service):
    settings_type: type[ServiceSettings] = EncryptingServiceSettings  # it stores passwords
    router: Router = Peer(Router)  # type: ignore[assignment]  # nameko injects the client

    @timer(interval=1, eager=True)
    def end_exemptions(self) -> None:
        jobs.end_exemptions(self.runtime, PROCESS)

    def create_plan(self, command: CreatePlan) -> PlanView:
        def create(session: Session) -> PlanView:
            return views.plan_view(plans.create_plan(session, command, now=self.runtime.now()))

        return carry_out(self.runtime, command, PlanView, create)

    def change_plan(self, command: ChangePlan) -> PlanView:
        with self.runtime.transaction() as session:
            return views.plan_view(
                plans.change_plan(session, command, now=self.runtime.now(), today=self.runtime.today())
            )

    def archive_plan(self, command: ArchivePlan) -> PlanView:
        with self.runtime.transaction() as session:
            return views.plan_view(plans.archive_plan(session, command, now=self.runtime.now()))

    def get_plan(self, plan_id: str) -> PlanView:
        with self.runtime.reading() as session:
            return queries.get_plan(session, plan_id)

    def list_plans(self, limit: int, after: str | None) -> Page[PlanView]:
        with self.runtime.reading() as session:
            return queries.list_plans(session, limit, after)

    def create_subscriber(self, command: CreateSubscriber) -> SubscriberView:
        if command.service is not None:
            self._check_router(command.service.router_id, "service.router_id")

        def create(session: Session) -> SubscriberView:
            created = subscribers.create_subscriber(
                session,
                command,
                cipher=self.runtime.cipher,
                now=self.runtime.now(),
                today=self.runtime.today(),
            )
            return views.subscriber_view(created, self.runtime.now())

        return carry_out(self.runtime, command, SubscriberView, create)

    def change_subscriber(self, command: ChangeSubscriber) -> SubscriberView:
        with self.runtime.transaction() as session:
            changed = subscribers.change_subscriber(session, command, now=self.runtime.now())
            return views.subscriber_view(changed, self.runtime.now())

    def renew_payment_page(self, command: RenewPaymentPage) -> SubscriberView:
        def renew(session: Session) -> SubscriberView:
            return views.subscriber_view(subscribers.renew_payment_page(session, command), self.runtime.now())

        return carry_out(self.runtime, command, SubscriberView, renew)

    def get_subscriber(self, subscriber_id: str) -> SubscriberView:
        with self.runtime.reading() as session:
            return queries.get_subscriber(session, subscriber_id, self.runtime.now())

    def find_subscriber_by_short_id(self, short_id: str) -> SubscriberView | None:
        with self.runtime.reading() as session:
            return queries.find_subscriber_by_short_id(session, short_id, self.runtime.now())

    def list_subscribers(self, query: SubscriberQuery, limit: int, after: str | None) -> Page[SubscriberView]:
        with self.runtime.reading() as session:
            return queries.list_subscribers(session, query, limit, after, *self._moment())

    def list_balances(self, query: SubscriberQuery, limit: int, after: str | None) -> BalanceList:
        with self.runtime.reading() as session:
            return queries.list_balances(session, query, limit, after, *self._moment())

    def list_areas(self) -> list[str]:
        with self.runtime.reading() as session:
            return queries.list_areas(session)

    def count_services(self) -> ServiceCounts:
        with self.runtime.reading() as session:
            return queries.count_services(session, self.runtime.now())

    def list_service_owners(self, service_ids: list[str]) -> list[ServiceOwner]:
        with self.runtime.reading() as session:
            return queries.list_service_owners(session, service_ids)

    def list_hold_changes(self, limit: int) -> list[HoldChange]:
        with self.runtime.reading() as session:
            return queries.list_hold_changes(session, limit)

    def add_service(self, command: AddService) -> ServiceView:
        self._check_router(command.service.router_id, "router_id")

        def add(session: Session) -> ServiceView:
            added = services.add_service(
                session,
                command,
                cipher=self.runtime.cipher,
                now=self.runtime.now(),
                today=self.runtime.today(),
            )
            return views.service_view(added, self.runtime.now())

        return carry_out(self.runtime, command, ServiceView, add)

    def change_service(self, command: ChangeService) -> ServiceView:
        if command.router_id is not None:
            self._check_router(command.router_id, "router_id")
        with self.runtime.transaction() as session:
            changed = services.change_service(
                session,
                command,
                cipher=self.runtime.cipher,
                now=self.runtime.now(),
                today=self.runtime.today(),
            )
            return views.service_view(changed, self.runtime.now())

    def terminate_service(self, command: TerminateService) -> ServiceView:
        with self.runtime.transaction() as session:
            now, today = self.runtime.now(), self.runtime.today()
            return views.service_view(services.terminate_service(session, command, now=now, today=today), now)

    def get_service(self, service_id: str) -> ServiceView:
        with self.runtime.reading() as session:
            return queries.get_service(session, service_id, self.runtime.now())

    def place_hold(self, command: PlaceHold) -> ServiceView:
        def place(session: Session) -> ServiceView:
            now = self.runtime.now()
            return views.service_view(holds.place_hold(session, command, now=now), now)

        return carry_out(self.runtime, command, ServiceView, place)

    def release_hold(self, command: ReleaseHold) -> ServiceView:
        with self.runtime.transaction() as session:
            now = self.runtime.now()
            return views.service_view(holds.release_hold(session, command, now=now), now)

    def restore_service(self, command: RestoreService) -> ServiceView:
        def restore(session: Session) -> ServiceView:
            now = self.runtime.now()
            return views.service_view(exemptions.restore_service(session, command, now=now), now)

        return carry_out(self.runtime, command, ServiceView, restore)

    def cancel_exemption(self, command: CancelExemption) -> ServiceView:
        with self.runtime.transaction() as session:
            now = self.runtime.now()
            return views.service_view(exemptions.cancel_exemption(session, command, now=now), now)

    def reveal_password(self, command: RevealPassword) -> RevealedPassword:
        with self.runtime.reading() as session:
            return services.reveal_password(session, command, cipher=self.runtime.cipher)

    @handles(AccountOverdue)
    def on_account_overdue(self, session: Session, event: AccountOverdue) -> None:
        """Place an *overdue* hold on the services named."""
        holds.suspend_overdue(session, event, now=self.runtime.now())

    @handles(AccountSettled)
    def on_account_settled(self, session: Session, event: AccountSettled) -> None:
        """Release *overdue* holds, no others, and end exemptions from them."""
        holds.restore_settled(session, event, now=self.runtime.now())

    @handles(AccountsChanged)
    def on_accounts_changed(self, session: Session, event: AccountsChanged) -> None:
        """Keep what the accounts owe, for lists."""
        accounts.keep_accounts(session, event)

    def _moment(self) -> tuple[datetime, date]:
        return self.runtime.now(), self.runtime.today()

    def _check_router(self, router_id: str, field: str) -> None:
        """Call before opening a transaction, as this calls router-svc. Raises InvalidInput."""
        try:
            self.router.get_router(router_id)
        except NotFound as error:
            raise InvalidInput.of(field, error.message) from error
