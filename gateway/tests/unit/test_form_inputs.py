from datetime import date

import pytest
from contracts.common import InvalidInput
from contracts.money import Money
from contracts.pricing import BillingTerms, Discount, DiscountKind
from contracts.subscriber import BillingType, Burst
from gateway.resources.forms import form_of, read_form
from gateway.resources.plans import NewPlan, PlanChange
from gateway.resources.routers import RouterChange
from gateway.resources.services import ServiceChange, ServiceInput

BY = {"actor": "owner@example.com", "idempotency_key": None}
PLAN = {
    "name": "Fiber",
    "price": "1,500",
    "billing_type": "postpaid",
    "download_kbps": "50",
    "upload_kbps": "512k",
}
NO_BURST = dict.fromkeys(
    (
        "burst_download_kbps",
        "burst_upload_kbps",
        "burst_threshold_download_kbps",
        "burst_threshold_upload_kbps",
        "burst_seconds",
    ),
    "",
)
SERVICE = {"pppoe_username": "pedro", "pppoe_password": "pass", "plan_id": "p", "router_id": "r"}


def errors(model, texts, **options):
    with pytest.raises(InvalidInput) as refused:
        read_form(model, texts, **options)
    return {wrong.field: wrong.message for wrong in refused.value.errors}


def test_amounts_and_speeds_are_read_as_people_type_them():
    command = read_form(NewPlan, {**PLAN, **NO_BURST, "address_pool": ""}).command(BY)
    assert (command.price, command.download_kbps, command.upload_kbps) == (Money(150000), 50_000, 512)
    assert (command.billing_type, command.burst, command.address_pool) == (BillingType.POSTPAID, None, None)


def test_a_form_and_a_json_body_make_the_same_input():
    body = '{"name": "Fiber", "price": 150000, "download_kbps": 50000, "upload_kbps": 512, "burst": null}'
    typed = read_form(NewPlan, {**PLAN, **NO_BURST})
    assert NewPlan.model_validate_json(body) == typed


def test_every_wrong_field_is_named_as_the_form_calls_it():
    texts = {**PLAN, **NO_BURST, "name": " ", "price": "1.5.0", "download_kbps": "", "burst_seconds": "1"}
    assert errors(NewPlan, texts) == {
        "name": "is required",
        "price": "must be an amount, such as 1500 or 1,500.00",
        "download_kbps": "is required",
        "burst_download_kbps": "is required",
        "burst_upload_kbps": "is required",
        "burst_threshold_download_kbps": "is required",
        "burst_threshold_upload_kbps": "is required",
    }


def test_limits_are_those_of_the_api():
    texts = {"coa_port": "70000", "name": "x" * 201}
    assert errors(RouterChange, texts) == {
        "coa_port": "must be at most 65535",
        "name": "must be at most 200 characters long",
    }


def test_blank_empties_what_may_be_empty_and_a_missing_field_is_left_out():
    change = read_form(PlanChange, {**NO_BURST, "address_pool": " "})
    assert change.given() == {"burst": None, "address_pool": None}
    assert change.command("plan", BY).clear == ("burst", "address_pool")


def test_a_blank_secret_is_left_as_it_is():
    texts = {"name": "Main", "radius_secret": "", "coa_port": "3799"}
    assert read_form(RouterChange, texts).command("router", BY).radius_secret is None
    assert read_form(RouterChange, {**texts, "radius_secret": " s "}).radius_secret == " s "


def test_a_form_can_need_a_field_that_the_api_does_not_need():
    assert errors(RouterChange, {"nas_address": ""}, required=("nas_address",)) == {
        "nas_address": "is required"
    }


@pytest.mark.parametrize(
    ("typed", "discount"),
    [
        ("", None),
        ("10%", Discount(DiscountKind.PERCENT, 1000)),
        (" 12.5 % ", Discount(DiscountKind.PERCENT, 1250)),
        ("1,000", Discount(DiscountKind.AMOUNT, 100_000)),
    ],
)
def test_a_discount_with_a_percent_sign_is_a_percentage(typed, discount):
    texts = {**SERVICE, "discount_value": typed, "discount_until": ""}
    assert read_form(ServiceInput, texts).as_new_service().billing_terms == BillingTerms(None, discount)


@pytest.mark.parametrize(
    ("typed", "kind", "discount"),
    [
        ("100", "amount", Discount(DiscountKind.AMOUNT, 10_000)),
        ("12.5", "percent", Discount(DiscountKind.PERCENT, 1_250)),
        ("10%", "amount", Discount(DiscountKind.PERCENT, 1_000)),
        ("10 %", "percent", Discount(DiscountKind.PERCENT, 1_000)),
    ],
)
def test_discount_is_in_pesos_or_percent_as_the_switch_says(typed, kind, discount):
    texts = {**SERVICE, "discount_value": typed, "discount_kind": kind}
    assert read_form(ServiceInput, texts).as_new_service().billing_terms.discount == discount


@pytest.mark.parametrize("typed", ["x%", "12.555%", "1e5"])
def test_a_wrong_discount_is_named(typed):
    assert list(errors(ServiceInput, {**SERVICE, "discount_value": typed})) == ["discount_value"]


def test_a_form_begins_with_texts_that_it_reads_back():
    class Plan:
        name = "Fiber"
        price = Money(150050)
        download_kbps = 50_000
        upload_kbps = 512
        burst = Burst(100_000, 100_000, 50_000, 50_000, 30)
        address_pool = None

    texts = form_of(PlanChange, Plan)
    assert (texts["price"], texts["upload_kbps"], texts["burst_seconds"]) == ("1500.50", "512k", "30")
    change = read_form(PlanChange, texts)
    assert change.burst is not None
    assert change.burst.as_burst() == Plan.burst
    assert (change.price, change.address_pool) == (Plan.price, None)


def test_the_terms_of_a_service_are_read_back():
    terms = BillingTerms(Money(100_000), Discount(DiscountKind.PERCENT, 1250, date(2027, 1, 31)))
    texts = form_of(ServiceChange, terms)
    assert (texts["discount_value"], texts["discount_until"]) == ("12.5", "2027-01-31")
    command = read_form(ServiceChange, texts).command("service", BY)
    assert BillingTerms(command.individual_price, command.discount) == terms
