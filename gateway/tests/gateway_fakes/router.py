"""router-svc in memory."""

from __future__ import annotations

from contracts.router import RouterStatus, RouterView

from gateway_fakes.base import NOW, Fake, given, ordered, paged, refuse_taken


class FakeRouter(Fake):
    def register_router(self, command):
        return self.world.once(command, lambda: self._make(command))

    def _make(self, command):
        self._refuse_taken(command)
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
        self._refuse_taken(command)
        names = (
            "name",
            "status",
            "nas_address",
            "coa_port",
            "session_control",
            "require_message_authenticator",
        )
        edited = self._edited(router, command, **given(command, *names))
        self.world.routers[router.id] = self._changed(router, **edited)
        return self.world.routers[router.id]

    def get_router(self, router_id):
        return self._known(self.world.routers, router_id)

    def list_routers(self, limit, after):
        return paged(ordered(self.world.routers.values()), limit, after)

    def _refuse_taken(self, command):
        changed = getattr(command, "router_id", None)
        others = [router for router in self.world.routers.values() if router.id != changed]
        for field, value in given(command, "name", "nas_address").items():
            refuse_taken(others, field, value)
