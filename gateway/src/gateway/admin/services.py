"""Services: add, edit, suspend, disconnect, terminate. Each action first says what will happen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contracts.holds import (
    DEFAULT_RESTORE_DAYS,
    CancelExemption,
    ExemptionView,
    HoldReason,
    HoldView,
    ReleaseHold,
)
from contracts.radius import DisconnectResult, DisconnectService
from contracts.subscriber import RevealPassword, ServiceStatus, ServiceView, TerminateService
from flask import Response, g, redirect, request, url_for
from werkzeug.exceptions import NotFound

from gateway.admin import service_forms
from gateway.admin.forms import Form, editing
from gateway.admin.pages import by_operator, done, form_page, page, question, show
from gateway.admin.subscribers import page_of
from gateway.audit.events import Event
from gateway.clients.context import current, services
from gateway.clients.waiting import wait_for_radius
from gateway.display.network import attempt_in_words
from gateway.display.subscribers import exemption_of, hold_reason, restored_in_words
from gateway.display.times import minute
from gateway.display.typed import local_time_as_typed
from gateway.http.access import Permission
from gateway.resources.services import NewHold, NewServiceInput, Restore, ServiceChange

# Without `overdue`, which only billing places and releases.
REASONS = [(reason.value, hold_reason(reason)) for reason in HoldReason if reason is not HoldReason.OVERDUE]


@page("/services/<service_id>", permission=Permission.VIEW_SUBSCRIBERS, shows="service")
def service(service_id: str) -> Response:
    """Redirect to the subscriber's page, for lists that know only the service."""
    found = services().subscriber.get_service(service_id)
    return redirect(page_of(found.subscriber_id), 303)  # type: ignore[return-value]


@form_page(
    "/subscribers/<subscriber_id>/services/new",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.add_service", "Added a service", "subscriber"),
)
def add_service(subscriber_id: str) -> Response:
    owner, form = services().subscriber.get_subscriber(subscriber_id), Form(service_forms.BEGINNING)
    made = form.submit(
        NewServiceInput,
        lambda new: services().subscriber.add_service(new.command(subscriber_id, by_operator())),
        required=service_forms.REQUIRED,
    )
    if made is not None:
        wait_for_radius([made])
        return done(page_of(subscriber_id), f"Service {made.pppoe_username} was added.")
    status, choices = form.status, service_forms.choices()
    return show("service_form.html", status, form=form, subscriber=owner, editing=None, **choices)


@form_page(
    "/services/<service_id>/edit",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.edit_service", "Changed a service", "service"),
)
def edit_service(service_id: str) -> Response:
    found = services().subscriber.get_service(service_id)
    choices = service_forms.choices(found.plan_id)
    form = Form(editing(found, ServiceChange.texts))
    changed = form.edit(
        ServiceChange,
        lambda change: services().subscriber.change_service(change.command(service_id, by_operator())),
        lambda: _known(service_id),
        ServiceChange.texts,
        choices={
            "plan_id": choices["plan_options"],
            "router_id": choices["router_options"],
            "discount_kind": service_forms.DISCOUNT_KINDS,
        },
        required=("pppoe_username",),
    )
    if changed is not None:
        wait_for_radius([changed])
        return done(page_of(found.subscriber_id), f"Service {changed.pppoe_username} was changed.")
    owner = services().subscriber.get_subscriber(found.subscriber_id)
    return show("service_form.html", form.status, form=form, subscriber=owner, editing=found, **choices)


@form_page(
    "/services/<service_id>/suspend",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.suspend", "Placed a hold on a service", "service"),
)
def suspend(service_id: str) -> Response:
    found, form = _known(service_id), Form({"reason": HoldReason.ADMIN.value})
    held = form.submit(
        NewHold, lambda hold: services().subscriber.place_hold(hold.command(service_id, by_operator()))
    )
    if held is not None:
        return _back_to(held, f"{held.pppoe_username} was suspended.")
    return _ask("service_suspend.html", found, form, reasons=REASONS)


@form_page(
    "/services/<service_id>/holds/<hold_id>/release",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.restore", "Released a hold on a service", "service"),
)
def restore(service_id: str, hold_id: str) -> Response:
    found, form = _known(service_id), Form()
    hold = _standing(found, hold_id)
    if hold.reason is HoldReason.OVERDUE:  # it ends only when the bill is paid
        return redirect(url_for("admin.restore_until", service_id=service_id), 303)  # type: ignore[return-value]
    command = ReleaseHold(service_id=service_id, hold_id=hold_id, **by_operator())
    restored = form.attempt(lambda: services().subscriber.release_hold(command))
    if restored is not None:
        message = f"{restored.pppoe_username} was restored."
        if restored.status is ServiceStatus.SUSPENDED:
            message = f"One hold released; others remain. {restored.pppoe_username} is still suspended."
        return _back_to(restored, message)
    others = [other for other in found.standing_holds if other.id != hold.id]
    return _ask("service_restore.html", found, form, hold=hold, others=others)


@form_page(
    "/services/<service_id>/restore",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.restore_until", "Restored a service temporarily", "service"),
)
def restore_until(service_id: str) -> Response:
    """Let a service that is suspended for an overdue bill work for a time."""
    found, zone = _known(service_id), current().settings.time_zone
    default = current().clock.now() + timedelta(days=DEFAULT_RESTORE_DAYS)
    form = Form({"until": local_time_as_typed(default, zone)})
    restored = form.submit(
        Restore,
        lambda wanted: services().subscriber.restore_service(wanted.command(service_id, by_operator())),
        required=("until",),
    )
    if restored is not None:
        until = max(exemption.until for exemption in restored.exemptions if exemption.ended_at is None)
        message = f"{restored.pppoe_username} was restored until {minute(until)}."
        if restored.status is ServiceStatus.SUSPENDED:
            message = f"{restored.pppoe_username} is still suspended, because another hold is active."
        return _back_to(restored, message)
    overdue = next((hold for hold in found.standing_holds if hold.reason is HoldReason.OVERDUE), None)
    others = [hold for hold in found.standing_holds if hold is not overdue]
    current_one = exemption_of(found, overdue) if overdue else None
    return _ask("service_restore_until.html", found, form, others=others, current=current_one)


@form_page(
    "/services/<service_id>/exemptions/<exemption_id>/cancel",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.cancel_exemption", "Ended a temporary restore", "service"),
)
def cancel_exemption(service_id: str, exemption_id: str) -> Response:
    found, form = _known(service_id), Form()
    exemption = _exemption(found, exemption_id)
    command = CancelExemption(service_id=service_id, exemption_id=exemption_id, **by_operator())
    ended = form.attempt(lambda: services().subscriber.cancel_exemption(command))
    if ended is not None:
        word = "is suspended again" if ended.status is ServiceStatus.SUSPENDED else "is no longer exempted"
        return _back_to(ended, f"{ended.pppoe_username} {word}.")
    return _ask("exemption_cancel.html", found, form, restored=restored_in_words(exemption))


@form_page(
    "/services/<service_id>/kick",
    permission=Permission.DISCONNECT,
    event=Event("admin.kick", "Disconnected a session", "service"),
)
def kick(service_id: str) -> Response:
    found, form = _known(service_id), Form()
    command = DisconnectService(service_id=service_id, **by_operator())
    result = form.attempt(lambda: services().radius.disconnect_service(command))
    if result is not None:
        g.record_id = service_id
        return done(page_of(found.subscriber_id), _outcome(found, result))
    return _ask("service_kick.html", found, form)


@form_page(
    "/services/<service_id>/password",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.change_password", "Changed a PPPoE password", "service"),
)
def change_password(service_id: str) -> Response:
    found = _known(service_id)
    form = Form({"version": str(found.edit.version)})
    changed = form.edit(
        ServiceChange,
        lambda change: services().subscriber.change_service(change.command(service_id, by_operator())),
        lambda: _known(service_id),
        lambda _service: {},  # the password is never shown
        required=("pppoe_password",),
    )
    if changed is not None:
        return _back_to(changed, f"The password of {changed.pppoe_username} was changed.")
    return _ask("service_password.html", found, form)


@form_page(
    "/services/<service_id>/reveal-password",
    permission=Permission.REVEAL_PASSWORDS,
    event=Event("admin.reveal_password", "Viewed a PPPoE password", "service"),
)
def reveal_password(service_id: str) -> Response:
    """Show the password only after a POST, so that no link or prefetch reads it. Every time is audited."""
    found, form, revealed = _known(service_id), Form(), None
    if request.method == "POST":
        command = RevealPassword(service_id=service_id, **by_operator())
        revealed = form.attempt(lambda: services().subscriber.reveal_password(command))
        g.acted, g.record_id = revealed is not None, service_id
    return _ask("service_reveal.html", found, form, revealed=revealed)


@form_page(
    "/services/<service_id>/terminate",
    permission=Permission.EDIT_SUBSCRIBERS,
    event=Event("admin.terminate", "Terminated a service", "service"),
)
def terminate(service_id: str) -> Response:
    found, form = _known(service_id), Form()
    if request.method == "POST" and form.text("typed_username").strip() != found.pppoe_username.strip():
        form.wrong("typed_username", f"Type {found.pppoe_username} to confirm")
    command = TerminateService(service_id=service_id, **by_operator())
    ended = form.attempt(lambda: services().subscriber.terminate_service(command))
    if ended is not None:
        return _back_to(ended, f"{ended.pppoe_username} was terminated.")
    return _ask("service_terminate.html", found, form)


def _known(service_id: str) -> ServiceView:
    return services().subscriber.get_service(service_id)


def _standing(found: ServiceView, hold_id: str) -> HoldView:
    hold = next((hold for hold in found.holds if hold.id == hold_id), None)
    if hold is None:
        raise NotFound(f"the service {found.pppoe_username} has no such hold")
    return hold


def _exemption(found: ServiceView, exemption_id: str) -> ExemptionView:
    exemption = next((one for one in found.exemptions if one.id == exemption_id), None)
    if exemption is None:
        raise NotFound(f"the service {found.pppoe_username} has no such exemption")
    return exemption


def _ask(template: str, found: ServiceView, form: Form, **values: Any) -> Response:
    back, status = page_of(found.subscriber_id), form.status
    return question(template, status, back=back, form=form, service=found, **values)


def _back_to(changed: ServiceView, message: str) -> Response:
    wait_for_radius([changed])
    g.record_id = changed.id
    return done(page_of(changed.subscriber_id), message)


def _outcome(kicked: ServiceView, result: DisconnectResult) -> str:
    if result.sessions == 0:
        return f"{kicked.pppoe_username} isn't online."
    if result.disconnected:
        return f"{kicked.pppoe_username} was disconnected."
    details = "; ".join(attempt_in_words(attempt) for attempt in result.attempts) or "no response yet"
    return f"The router didn't disconnect {kicked.pppoe_username}: {details}."
