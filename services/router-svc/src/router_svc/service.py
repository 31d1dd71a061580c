"""The nameko service: it translates RPC calls into queries and use cases."""

from __future__ import annotations

from contracts.common import Page
from contracts.router import ChangeRouter, RegisterRouter, Router, RouterView
from servicekit.idempotency import carry_out
from servicekit.service import Service, serves
from servicekit.settings import EncryptingServiceSettings, ServiceSettings
from sqlalchemy.orm import Session

from router_svc import queries, views
from router_svc.usecases import routers


@serves(Router)
class RouterService(Service):
    settings_type: type[ServiceSettings] = EncryptingServiceSettings  # it stores passwords

    def register_router(self, command: RegisterRouter) -> RouterView:
        def register(session: Session) -> RouterView:
            registered = routers.register_router(
                session, command, cipher=self.runtime.cipher, now=self.runtime.now()
            )
            return views.router_view(registered)

        return carry_out(self.runtime, command, RouterView, register)

    def change_router(self, command: ChangeRouter) -> RouterView:
        with self.runtime.transaction() as session:
            changed = routers.change_router(
                session, command, cipher=self.runtime.cipher, now=self.runtime.now()
            )
            return views.router_view(changed)

    def get_router(self, router_id: str) -> RouterView:
        with self.runtime.reading() as session:
            return queries.get_router(session, router_id)

    def list_routers(self, limit: int, after: str | None) -> Page[RouterView]:
        with self.runtime.reading() as session:
            return queries.list_routers(session, limit, after)
