"""The events of the audit log in words, and where their records are shown."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.audit import trail


@dataclass(frozen=True)
class Event:
    """What happened, and what kind of thing its record is (a key of PAGES, or nothing with a page)."""

    words: str
    kind: str = ""


# The page of a record: its view, and the argument that takes the id.
PAGES = {
    "subscriber": ("admin.subscriber", "subscriber_id"),
    "service": ("admin.service", "service_id"),
    "invoice": ("admin.invoice", "invoice_id"),
    "billing run": ("admin.billing_run", "run_id"),
}

EVENTS: dict[str, Event] = {
    # Coming in
    "admin.login": Event("Logged in", "operator"),
    "admin.login_code": Event("Logged in with a second factor", "operator"),
    trail.WRONG_PASSWORD: Event("Tried a wrong password", "operator"),
    trail.WRONG_CODE: Event("Tried a wrong code of the second factor", "operator"),
    trail.RESCUED: Event("Let in again from the command line", "operator"),
    "admin.logout": Event("Logged out"),
    "admin.setup": Event("Set the system up as its first owner"),
    "admin.join": Event("Accepted an invitation", "invitation"),
    # One's own account
    "admin.change_own_password": Event("Changed the own password"),
    "admin.start_second_factor": Event("Began to set up a second factor"),
    "admin.confirm_second_factor": Event("Switched the own second factor on"),
    "admin.switch_second_factor_off": Event("Switched the own second factor off"),
    "admin.new_recovery_codes": Event("Made new recovery codes"),
    "admin.end_session": Event("Ended an own session"),
    "admin.end_other_sessions": Event("Ended all other own sessions"),
    "api.create_token": Event("Made an API token"),
    "api.revoke_token": Event("Revoked an API token"),
    # Operators
    "admin.invite_operator": Event("Invited an operator", "invitation"),
    "api.create_invitation": Event("Invited an operator", "invitation"),
    "admin.send_invitation_again": Event("Sent an invitation again", "invitation"),
    "api.send_invitation_again": Event("Sent an invitation again", "invitation"),
    "admin.revoke_invitation": Event("Revoked an invitation", "invitation"),
    "api.revoke_invitation": Event("Revoked an invitation", "invitation"),
    "admin.change_operator_role": Event("Gave an operator another role", "operator"),
    "admin.disable_operator": Event("Disabled an operator", "operator"),
    "admin.enable_operator": Event("Enabled an operator", "operator"),
    "api.change_operator": Event("Changed an operator", "operator"),
    "admin.end_operator_sessions": Event("Logged an operator out everywhere", "operator"),
    "api.end_operator_sessions": Event("Logged an operator out everywhere", "operator"),
    "admin.switch_operator_second_factor_off": Event("Switched an operator's second factor off", "operator"),
    "api.switch_operator_second_factor_off": Event("Switched an operator's second factor off", "operator"),
    # Subscribers and their services
    "admin.add_subscriber": Event("Added a subscriber", "subscriber"),
    "api.create_subscriber": Event("Added a subscriber", "subscriber"),
    "admin.edit_subscriber": Event("Changed a subscriber", "subscriber"),
    "api.change_subscriber": Event("Changed a subscriber", "subscriber"),
    "admin.add_service": Event("Added a service", "subscriber"),
    "api.add_service": Event("Added a service", "subscriber"),
    "admin.edit_service": Event("Changed a service", "service"),
    "api.change_service": Event("Changed a service", "service"),
    "admin.suspend": Event("Suspended a service", "service"),
    "api.place_hold": Event("Placed a hold on a service", "service"),
    "admin.restore": Event("Lifted a hold of a service", "service"),
    "api.release_hold": Event("Lifted a hold of a service", "service"),
    "admin.kick": Event("Disconnected a session", "service"),
    "api.disconnect_service": Event("Disconnected a session", "service"),
    "admin.change_password": Event("Changed a PPPoE password", "service"),
    "admin.reveal_password": Event("Looked at a PPPoE password", "service"),
    "api.reveal_service_password": Event("Looked at a PPPoE password", "service"),
    "admin.terminate": Event("Terminated a service", "service"),
    "api.terminate_service": Event("Terminated a service", "service"),
    # Plans and routers
    "admin.add_plan": Event("Added a plan", "plan"),
    "api.create_plan": Event("Added a plan", "plan"),
    "admin.edit_plan": Event("Changed a plan", "plan"),
    "api.change_plan": Event("Changed a plan", "plan"),
    "admin.archive_plan": Event("Archived a plan", "plan"),
    "api.archive_plan": Event("Archived a plan", "plan"),
    "admin.add_router": Event("Added a router", "router"),
    "api.register_router": Event("Added a router", "router"),
    "admin.edit_router": Event("Changed a router", "router"),
    "api.change_router": Event("Changed a router", "router"),
    "admin.change_router_status": Event("Disabled or enabled a router", "router"),
    # Money
    "admin.generate_invoices": Event("Generated or previewed invoices", "billing run"),
    "api.start_billing_run": Event("Generated or previewed invoices", "billing run"),
    "api.run_collections": Event("Ran collections"),
    "admin.record_payment": Event("Recorded a payment", "payment"),
    "admin.record_subscriber_payment": Event("Recorded a payment", "payment"),
    "api.record_payment": Event("Recorded a payment", "payment"),
    "admin.void_invoice": Event("Voided an invoice", "invoice"),
    "api.void_invoice": Event("Voided an invoice", "invoice"),
    # Settings
    "admin.general_settings": Event("Changed the general settings"),
    "api.change_general_settings": Event("Changed the general settings"),
    "api.put_logo": Event("Changed the logo"),
    "api.delete_logo": Event("Took the logo away"),
    "admin.billing_settings": Event("Changed the billing settings"),
    "api.change_billing_settings": Event("Changed the billing settings"),
    "api.move_clock": Event("Moved the clock"),
}


def event_words(event: str, action: str) -> str:
    """What happened; for an event of an older version, the request as it was."""
    known = EVENTS.get(event)
    return known.words if known is not None else action


def all_words() -> list[str]:
    return sorted({event.words for event in EVENTS.values()})


def events_called(words: str) -> list[str]:
    """The events that these words stand for: a page and the API say the same."""
    return [name for name, event in EVENTS.items() if event.words == words]


def kind_of_record(event: str) -> str:
    return EVENTS[event].kind if event in EVENTS else ""


def page_of_record(event: str, record_id: str) -> tuple[str, str, str] | None:
    """The view that shows the record, its argument and the id for it: of several ids the first."""
    page = PAGES.get(kind_of_record(event))
    if page is None or not record_id:
        return None
    view, argument = page
    return view, argument, record_id.split("/", 1)[0]
