"""Settings: how the ISP shows itself, and billing."""

from __future__ import annotations

from typing import Any

from contracts.billing import BillingSettings, ChangeSettings, SuspensionMode, TaxMode
from contracts.common import InvalidInput
from flask import Response, redirect, request, url_for

from gateway.admin.forms import Form
from gateway.admin.pages import by_operator, done, form_page, page, show
from gateway.branding import brand, logos
from gateway.clients.context import current, services
from gateway.http.access import Permission
from gateway.http.bodies import takes_up_to

NUMBERS = ("invoice_generation_day", "payment_terms_days", "grace_period_days")
MODES = (
    (SuspensionMode.WALLED_GARDEN.value, "Walled garden: the login works but reaches only the payment page"),
    (SuspensionMode.BLOCK.value, "Block: the login is refused"),
)
TAXES = (
    (TaxMode.NON_VAT.value, "Non-VAT"),
    (TaxMode.VAT_INCLUSIVE.value, "Prices contain 12 % VAT"),
)
FORM_OCTETS = 50_000


@page("/settings", permission=Permission.EDIT_SETTINGS)
def settings() -> Any:
    return redirect(url_for("admin.general_settings"))


@form_page("/settings/general", permission=Permission.EDIT_SETTINGS)
@takes_up_to(logos.MAX_OCTETS + FORM_OCTETS)
def general_settings() -> Response:
    now = brand.load()
    form = Form({name: getattr(now, name) for name in brand.TEXTS})
    if request.method == "POST" and _change_brand(form):
        return done(url_for("admin.general_settings"), "The settings were saved.")
    return show("settings_general.html", form.status, form=form)


@form_page("/settings/billing", permission=Permission.EDIT_SETTINGS)
def billing_settings() -> Response:
    form = Form(_as_typed(services().billing.get_settings()))
    if request.method == "POST" and _change(form) is not None:
        return done(url_for("admin.billing_settings"), "The settings were saved.")
    return show("settings_billing.html", form.status, form=form, modes=MODES, taxes=TAXES)


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
    day, terms, grace = (form.integer(name) for name in NUMBERS)
    mode, tax = form.choice("suspension_mode", SuspensionMode), form.choice("tax_mode", TaxMode)
    series = form.text("invoice_series", required=True)
    if not form.ok:
        return None
    command = ChangeSettings(
        invoice_generation_day=day,
        payment_terms_days=terms,
        grace_period_days=grace,
        auto_suspend=form.ticked("auto_suspend"),
        suspension_mode=mode,
        tax_mode=tax,
        invoice_series=series,
        **by_operator(),
    )
    return form.attempt(lambda: services().billing.change_settings(command))


def _as_typed(now: BillingSettings) -> dict[str, str]:
    typed = {name: str(getattr(now, name)) for name in NUMBERS}
    return typed | {
        "auto_suspend": "on" if now.auto_suspend else "",
        "suspension_mode": now.suspension_mode.value,
        "tax_mode": now.tax_mode.value,
        "invoice_series": now.invoice_series,
    }
