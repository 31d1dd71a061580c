"""Settings: the ISP's branding, and billing."""

from __future__ import annotations

from typing import Any

from contracts.billing_settings import SETTINGS, BillingSettings
from contracts.common import InvalidInput
from flask import Response, redirect, request, url_for

from gateway.admin.forms import Form, editing
from gateway.admin.pages import Entry, by_operator, done, form_page, page, show
from gateway.audit.events import Event
from gateway.branding import brand, logos
from gateway.branding.brand import Brand
from gateway.clients.context import current, services
from gateway.http.access import Permission
from gateway.http.bodies import takes_up_to
from gateway.resources.edits import texts_of
from gateway.resources.settings import BillingSettingsChange, GeneralSettingsChange

FORM_OCTETS = 50_000
MAX_DIGITS = 3


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
    form = Form(editing(brand.load(), _general_texts))
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
    form = Form(editing(services().billing.get_settings(), _billing_texts))
    changed = form.edit(
        BillingSettingsChange,
        lambda change: services().billing.change_settings(change.command(by_operator())),
        lambda: services().billing.get_settings(),
        _billing_texts,
        choices={name: setting.choices.items() for name, setting in SETTINGS.items() if setting.choices},
    )
    if changed is not None:
        return done(url_for("admin.billing_settings"), "The settings were saved.")
    return show("settings_billing.html", form.status, form=form, settings=SETTINGS)


@page("/settings/billing/next-run", permission=Permission.EDIT_SETTINGS)
def next_run() -> Response:
    """When the next run is with the billing day that is typed, before it is saved. Part of the page."""
    typed = request.args.get("invoice_generation_day", "").strip()
    day = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= MAX_DIGITS else None
    try:
        found = services().billing.get_next_run(day) if day is not None or not typed else None
    except InvalidInput:
        found = None  # the form says so when it is submitted
    return show("panels/next_run.html", run=found)


def _change_brand(form: Form) -> bool:
    """Change all of the branding, or nothing. False, with the errors in the form, if it is invalid."""
    content = _sent_file("logo")

    def store(change: GeneralSettingsChange) -> bool:
        with current().database.transaction() as session:
            brand.change(session, change.texts(), version=change.version)
            if content:
                brand.set_logo(session, content)
            elif form.ticked("remove_logo"):
                brand.remove_logo(session)
        return True

    try:
        form.edit(GeneralSettingsChange, store, brand.load, _general_texts)
    except InvalidInput as error:
        for wrong in error.errors:
            form.wrong(wrong.field, f"This {wrong.message}")
    return form.ok


def _general_texts(saved: Brand) -> dict[str, str]:
    return texts_of(GeneralSettingsChange, saved)


def _billing_texts(saved: BillingSettings) -> dict[str, str]:
    return texts_of(BillingSettingsChange, saved)


def _sent_file(name: str) -> bytes:
    """The content of an uploaded file; empty if none was chosen."""
    file = request.files.get(name)
    if file is None:
        return b""
    with file.stream as stream:
        return stream.read()
