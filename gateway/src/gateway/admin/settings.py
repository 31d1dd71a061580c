"""Settings: how the ISP shows itself, and billing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from contracts.billing import ChangeSettings
from contracts.billing_settings import SETTINGS, BillingSettings
from contracts.common import InvalidInput
from flask import Response, redirect, request, url_for

from gateway.admin.forms import Form
from gateway.admin.pages import Entry, by_operator, done, form_page, page, show
from gateway.audit.events import Event
from gateway.branding import brand, logos
from gateway.clients.context import current, services
from gateway.http.access import Permission
from gateway.http.bodies import takes_up_to

FORM_OCTETS = 50_000


@page("/settings", permission=Permission.EDIT_SETTINGS, sidebar=Entry(8, "Settings", "settings"))
def settings() -> Any:
    return redirect(url_for("admin.general_settings"))


@form_page(
    "/settings/general",
    permission=Permission.EDIT_SETTINGS,
    event=Event("admin.general_settings", "Changed the general settings"),
    tab=Entry(1, "General"),
)
@takes_up_to(logos.MAX_OCTETS + FORM_OCTETS)
def general_settings() -> Response:
    now = brand.load()
    form = Form({name: getattr(now, name) for name in brand.TEXTS})
    if request.method == "POST" and _change_brand(form):
        return done(url_for("admin.general_settings"), "The settings were saved.")
    return show("settings_general.html", form.status, form=form)


@form_page(
    "/settings/billing",
    permission=Permission.EDIT_SETTINGS,
    event=Event("admin.billing_settings", "Changed the billing settings"),
    tab=Entry(2, "Billing"),
)
def billing_settings() -> Response:
    form = Form(_as_typed(services().billing.get_settings()))
    if request.method == "POST" and _change(form) is not None:
        return done(url_for("admin.billing_settings"), "The settings were saved.")
    return show("settings_billing.html", form.status, form=form, settings=SETTINGS)


def _change_brand(form: Form) -> bool:
    """All of it or nothing."""
    texts = {name: form.text(name, longest=500) for name in brand.TEXTS}
    content = _sent_file("logo")
    if not form.ok:
        return False
    try:
        with current().database.transaction() as session:
            brand.change(session, texts)
            if content:
                brand.set_logo(session, content)
            elif form.ticked("remove_logo"):
                brand.remove_logo(session)
    except InvalidInput as error:
        for wrong in error.errors:
            form.wrong(wrong.field, f"This {wrong.message}")
    return form.ok


def _sent_file(name: str) -> bytes:
    """Empty if none was chosen."""
    file = request.files.get(name)
    if file is None:
        return b""
    with file.stream as stream:
        return stream.read()


def _change(form: Form) -> BillingSettings | None:
    changes = {name: _read(form, name, setting.default) for name, setting in SETTINGS.items()}
    if not form.ok:
        return None
    command = ChangeSettings(**changes, **by_operator())
    return form.attempt(lambda: services().billing.change_settings(command))


def _read(form: Form, name: str, default: Any) -> Any:
    """The value in the form, read as the type of the setting's default."""
    match default:
        case bool():
            return form.ticked(name)
        case int():
            return form.integer(name)
        case StrEnum():
            return form.choice(name, type(default))
        case _:
            return form.text(name, required=True)


def _as_typed(now: BillingSettings) -> dict[str, str]:
    values = {name: getattr(now, name) for name in SETTINGS}
    return {
        name: ("on" if value else "") if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }
