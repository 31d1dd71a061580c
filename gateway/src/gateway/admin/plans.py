"""Plans: list, add, archive."""

from __future__ import annotations

from contracts.subscriber import ArchivePlan, BillingType, CreatePlan, PlanStatus, PlanView
from flask import Response, g, request, url_for

from gateway.access import Permission
from gateway.admin.forms import Form
from gateway.admin.pages import PAGE_SIZE, action, by_operator, done, form_page, page, show
from gateway.context import services


@page("/plans", permission=Permission.VIEW_PLANS)
def plans() -> Response:
    found = services().subscriber.list_plans(PAGE_SIZE, request.args.get("after"))
    rows = [(plan, plan.status is PlanStatus.ACTIVE) for plan in found.items]
    return show("plans.html", rows=rows, next=found.next)


@form_page("/plans/new", permission=Permission.EDIT_PLANS)
def add_plan() -> Response:
    form = Form({"billing_type": BillingType.POSTPAID.value})
    if request.method == "POST":
        made = _create(form)
        if made is not None:
            g.record_id = made.id
            return done(url_for("admin.plans"), f"Plan {made.name} was added.")
    return show("plan_form.html", 200 if form.ok else 422, form=form)


@action("/plans/<plan_id>/archive", permission=Permission.EDIT_PLANS)
def archive_plan(plan_id: str) -> Response:
    plan = services().subscriber.archive_plan(ArchivePlan(plan_id=plan_id, **by_operator()))
    return done(url_for("admin.plans"), f"Plan {plan.name} was archived.")


def _create(form: Form) -> PlanView | None:
    name, price = form.text("name", required=True), form.pesos("price", required=True)
    download, upload = form.speed("download_kbps"), form.speed("upload_kbps")
    billing_type = form.choice("billing_type", BillingType)
    if not form.ok or price is None or download is None or upload is None or billing_type is None:
        return None
    command = CreatePlan(
        name=name,
        price=price,
        billing_type=billing_type,
        download_kbps=download,
        upload_kbps=upload,
        **by_operator(),
    )
    return form.attempt(lambda: services().subscriber.create_plan(command))
