"""Rows to contract views, for queries and use cases alike."""

from __future__ import annotations

from contracts.router import RouterView

from router_svc.models import Router


def router_view(router: Router) -> RouterView:
    return RouterView(
        id=router.id,
        version=router.version,
        name=router.name,
        status=router.status,
        nas_address=router.nas_address,
        coa_port=router.coa_port,
        session_control=router.session_control,
        require_message_authenticator=router.require_message_authenticator,
        created_at=router.created_at,
        edit=router.last_edit,
    )
