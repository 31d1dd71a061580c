"""router-svc in memory."""

from __future__ import annotations

from dataclasses import replace

from contracts.router import RouterStatus, RouterView

from gateway_fakes.base import NOW, Fake, paged


class FakeRouter(Fake):
    def register_router(self, command):
        router = RouterView(
            id=self.world.new_id("router"),
            version=1,
            name=command.name,
            status=RouterStatus.ONLINE,
            nas_address=command.nas_address,
            coa_port=command.coa_port,
            session_control=command.session_control,
            require_message_authenticator=command.require_message_authenticator,
            created_at=NOW,
        )
        self.world.routers[router.id] = router
        return router

    def change_router(self, command):
        router = self._known(self.world.routers, command.router_id)
        names = ("name", "status", "nas_address", "coa_port", "session_control")
        changes = {name: getattr(command, name) for name in names if getattr(command, name) is not None}
        self.world.routers[router.id] = replace(router, **changes)
        return self.world.routers[router.id]

    def get_router(self, router_id):
        return self._known(self.world.routers, router_id)

    def list_routers(self, limit, after):
        return paged(list(self.world.routers.values()), limit, after)
