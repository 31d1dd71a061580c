"""Plans: list, add, edit, archive."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.subscriber import (
    ArchivePlan,
    BillingType,
)
from flask import Response, g, request, url_for

from gateway.admin.forms import Form, editing
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
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response
from gateway.resources.plans import NewPlan, PlanChange


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
    made = form.submit(NewPlan, lambda new: services().subscriber.create_plan(new.command(by_operator())))
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
    form = Form(editing(plan, PlanChange.texts))
    change_plan = services().subscriber.change_plan
    changed = form.edit(
        PlanChange,
        lambda change: change_plan(change.command(plan_id, by_operator())),
        lambda: services().subscriber.get_plan(plan_id),
        PlanChange.texts,
    )
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
