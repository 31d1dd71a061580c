"""Plans: list, add, edit, archive."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.subscriber import (
    ArchivePlan,
    BillingType,
    Burst,
    ChangePlan,
    CreatePlan,
    PlanView,
)
from flask import Response, g, request, url_for

from gateway.admin.forms import Form
from gateway.admin.lists import Listing
from gateway.admin.pages import (
    PAGE_SIZE,
    Entry,
    by_operator,
    done,
    every_item,
    form_page,
    page,
    question,
    show,
)
from gateway.audit.events import Event
from gateway.clients.context import services
from gateway.display.money import plain_amount
from gateway.display.subscribers import plan_status
from gateway.display.typed import pesos_as_typed, speed_as_typed
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response

BURST = {
    "burst_download": "download_kbps",
    "burst_upload": "upload_kbps",
    "burst_threshold_download": "threshold_download_kbps",
    "burst_threshold_upload": "threshold_upload_kbps",
}


@page("/plans", permission=Permission.VIEW_PLANS, sidebar=Entry(3, "Plans", "stack-2"))
def plans() -> Response:
    found = services().subscriber.list_plans(PAGE_SIZE, request.args.get("after"))
    return show("plans.html", list=Listing(found, csv=url_for("admin.plans_csv")))


@page("/plans.csv", permission=Permission.VIEW_PLANS)
def plans_csv() -> Response:
    header = (
        "Plan Name",
        "Monthly Price",
        "Currency",
        "Download kbit/s",
        "Upload kbit/s",
        "Billing Type",
        "Status",
    )
    return csv_response("plans.csv", header, _rows())


@form_page(
    "/plans/new", permission=Permission.EDIT_PLANS, event=Event("admin.add_plan", "Added a plan", "plan")
)
def add_plan() -> Response:
    form = Form({"billing_type": BillingType.POSTPAID.value})
    if request.method == "POST":
        made = _create(form)
        if made is not None:
            g.record_id = made.id
            return done(url_for("admin.plans"), f"Plan {made.name} was added.")
    return show("plan_form.html", form.status, form=form, editing=None)


@form_page(
    "/plans/<plan_id>/edit",
    permission=Permission.EDIT_PLANS,
    event=Event("admin.edit_plan", "Changed a plan", "plan"),
)
def edit_plan(plan_id: str) -> Response:
    plan = services().subscriber.get_plan(plan_id)
    form = Form(_as_typed(plan))
    if request.method == "POST":
        changed = _change(form, plan)
        if changed is not None:
            return done(url_for("admin.plans"), f"Plan {changed.name} was changed.")
    return show("plan_form.html", form.status, form=form, editing=plan)


@form_page(
    "/plans/<plan_id>/archive",
    permission=Permission.EDIT_PLANS,
    event=Event("admin.archive_plan", "Archived a plan", "plan"),
)
def archive_plan(plan_id: str) -> Response:
    form, plan = Form(), services().subscriber.get_plan(plan_id)
    if request.method == "POST":
        command = ArchivePlan(plan_id=plan_id, **by_operator())
        if form.attempt(lambda: services().subscriber.archive_plan(command)) is not None:
            return done(url_for("admin.plans"), f"Plan {plan.name} was archived.")
    return question("plan_archive.html", form.status, back=url_for("admin.plans"), form=form, plan=plan)


def _rows() -> Iterator[tuple[str, ...]]:
    for plan in every_item(services().subscriber.list_plans):
        yield (
            plan.name,
            plain_amount(plan.price),
            plan.price.currency,
            str(plan.download_kbps),
            str(plan.upload_kbps),
            plan.billing_type.value.capitalize(),
            plan_status(plan).text,
        )


def _create(form: Form) -> PlanView | None:
    name, price = form.text("name", required=True), form.pesos("price", required=True)
    download, upload = form.speed("download_kbps"), form.speed("upload_kbps")
    billing_type, burst = form.choice("billing_type", BillingType), _burst(form)
    pool = form.text("address_pool").strip()
    if not form.ok or price is None or download is None or upload is None or billing_type is None:
        return None
    command = CreatePlan(
        name=name,
        price=price,
        billing_type=billing_type,
        download_kbps=download,
        upload_kbps=upload,
        burst=burst,
        address_pool=pool or None,
        **by_operator(),
    )
    return form.attempt(lambda: services().subscriber.create_plan(command))


def _change(form: Form, plan: PlanView) -> PlanView | None:
    name, price = form.text("name", required=True), form.pesos("price", required=True)
    download, upload, burst = form.speed("download_kbps"), form.speed("upload_kbps"), _burst(form)
    pool = form.text("address_pool").strip()
    if not form.ok:
        return None
    emptied = {"burst": burst is None, "address_pool": not pool}
    command = ChangePlan(
        plan_id=plan.id,
        name=name,
        price=price,
        download_kbps=download,
        upload_kbps=upload,
        burst=burst,
        address_pool=pool or None,
        clear=tuple(field for field, empty in emptied.items() if empty),
        **by_operator(),
    )
    return form.attempt(lambda: services().subscriber.change_plan(command))


def _burst(form: Form) -> Burst | None:
    """All five of its fields or none."""
    fields = (*BURST, "burst_seconds")
    if not any(form.values.get(field, "").strip() for field in fields):
        return None
    speeds = {name: form.speed(field) for field, name in BURST.items()}
    seconds = form.integer("burst_seconds")
    if seconds is None or None in speeds.values():
        return None
    return Burst(seconds=seconds, **{name: speed for name, speed in speeds.items() if speed is not None})


def _as_typed(plan: PlanView) -> dict[str, str]:
    typed = {
        "name": plan.name,
        "price": pesos_as_typed(plan.price),
        "download_kbps": speed_as_typed(plan.download_kbps),
        "upload_kbps": speed_as_typed(plan.upload_kbps),
        "billing_type": plan.billing_type.value,
        "address_pool": plan.address_pool or "",
    }
    if plan.burst is not None:
        typed |= {field: speed_as_typed(getattr(plan.burst, name)) for field, name in BURST.items()}
        typed["burst_seconds"] = str(plan.burst.seconds)
    return typed
