"""Settings: billing."""

from __future__ import annotations

from contracts.billing import BillingSettings, ChangeSettings, SuspensionMode, TaxMode
from flask import Response, request, url_for

from gateway.access import Permission
from gateway.admin.forms import Form
from gateway.admin.pages import by_operator, done, form_page, show
from gateway.context import services

NUMBERS = ("invoice_generation_day", "payment_terms_days", "grace_period_days")
MODES = (
    (SuspensionMode.WALLED_GARDEN.value, "Walled garden: the login works but reaches only the payment page"),
    (SuspensionMode.BLOCK.value, "Block: the login is refused"),
)
TAXES = (
    (TaxMode.NON_VAT.value, "Non-VAT"),
    (TaxMode.VAT_INCLUSIVE.value, "Prices contain 12 % VAT"),
)


@form_page("/settings", permission=Permission.EDIT_SETTINGS)
def settings() -> Response:
    form = Form(_as_typed(services().billing.get_settings()))
    if request.method == "POST" and _change(form) is not None:
        return done(url_for("admin.settings"), "The settings were saved.")
    return show("settings.html", 200 if form.ok else 422, form=form, modes=MODES, taxes=TAXES)


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
