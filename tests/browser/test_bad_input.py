"""What people type and paste into forms: nothing, too much, emoji, HTML, formulas.

Either it is refused at its field and what was typed is still there, or it is accepted and shown as typed.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.browsing import Window
from tests.browser.town import Town

TOO_LONG = "x" * 5_000
STRANGE = "=1+1 <script>alert(1)</script> Peña 🚀 ñandú"
# Bypass the browser's own checks, as an older browser or a program does.
LET_ANYTHING_THROUGH = """(form) => {
    form.noValidate = true;
    for (const input of form.querySelectorAll("input")) {
        input.removeAttribute("maxlength");
        if (["date", "email", "tel", "number"].includes(input.type)) input.type = "text";
    }
}"""

_numbers = itertools.count(1)


@dataclass
class Case:
    """A form with valid values.

    `free` fields accept any text; `strict` ones refuse the strange texts. `open` opens the form and returns
    it.
    """

    open: Callable[[Window, Town], Locator]
    save: str
    valid: Callable[[], Mapping[str, str]]
    required: tuple[str, ...]
    free: tuple[str, ...]
    strict: tuple[str, ...]
    passwords: tuple[str, ...] = ()
    choose: Mapping[str, int] = field(default_factory=dict)


def at(path: str) -> Callable[[Window, Town], Locator]:
    def open_page(window: Window, town: Town) -> Locator:
        window.go(path)
        save = window.page.get_by_role("button", name="Save", exact=True)
        return window.page.locator("form").filter(has=save)

    return open_page


def dialog_of_new_subscriber(name: str) -> Callable[[Window, Town], Locator]:
    def open_dialog(window: Window, town: Town) -> Locator:
        number = next(_numbers)
        made = town.isp.connect(f"Bad Input {number}", username=f"bad.input.{number}", online=False)
        window.go(f"/subscribers/{made.id}")
        return window.open_dialog(name).locator("form")

    return open_dialog


def invite(window: Window, town: Town) -> Locator:
    window.go("/settings/operators")
    return window.open_dialog("Invite").locator("form")


def numbered(words: str) -> str:
    return f"{words}{next(_numbers)}"


CASES = {
    "Add Plan": Case(
        open=at("/plans/new"),
        save="Save",
        valid=lambda: {
            "Plan Name": numbered("Plan "),
            "Monthly Price": "1500",
            "Download Speed": "50Mbps",
            "Upload Speed": "50Mbps",
        },
        required=("Plan Name", "Monthly Price", "Download Speed", "Upload Speed"),
        free=("Plan Name",),
        strict=("Monthly Price", "Download Speed", "Upload Speed"),
    ),
    "Add Router": Case(
        open=at("/routers/new"),
        save="Save",
        valid=lambda: {
            "Router Name": numbered("Router "),
            "Router address": f"10.99.{next(_numbers)}.1",
            "RADIUS secret": "a-good-secret-0123456789",
            "CoA port": "3799",
        },
        required=("Router Name", "Router address", "RADIUS secret", "CoA port"),
        free=("Router Name",),
        strict=("Router address", "CoA port"),
        passwords=("RADIUS secret",),
    ),
    "Add Subscriber": Case(
        open=at("/subscribers/new"),
        save="Save",
        valid=lambda: {
            "Full Name": numbered("Somebody "),
            "Email": "somebody@example.com",
            "Phone": "09171234567",
            "Address": "Purok 4",
            "PPPoE Username": numbered("some.body."),
            "PPPoE Password": "pppoe-pass-01",
            "Static IP": "",
            "Individual price": "",
            "Discount": "",
        },
        required=("Full Name", "PPPoE Username", "PPPoE Password", "Plan"),
        free=("Full Name", "Address"),
        strict=("Email", "Static IP", "Individual price", "Discount"),
        passwords=("PPPoE Password",),
        choose={"Plan": 1, "Router": 1},
    ),
    "Record Payment": Case(
        open=dialog_of_new_subscriber("Record Payment"),
        save="Submit",
        valid=lambda: {"Amount": "1500", "Reference": numbered("reference ")},
        required=("Amount",),
        free=("Reference",),
        strict=("Amount", "Date received"),
    ),
    "Suspend": Case(
        open=dialog_of_new_subscriber("Suspend"),
        save="Suspend",
        valid=lambda: {"Note": numbered("note ")},
        required=(),
        free=("Note",),
        strict=(),
    ),
    "General settings": Case(
        open=at("/settings/general"),
        save="Save",
        valid=lambda: {"ISP Name": "ISP-OS", "Brand Color": "#18181b", "Address": "", "TIN": ""},
        required=("ISP Name", "Brand Color"),
        free=("ISP Name", "Address"),
        strict=("Brand Color", "Support Email", "TIN"),
    ),
    "Billing settings": Case(
        open=at("/settings/billing"),
        save="Save",
        valid=lambda: {
            "Invoice Generation Day": "1",
            "Payment Terms": "15",
            "Grace Period": "5",
            "Invoice series": "INV",
        },
        required=("Invoice Generation Day", "Payment Terms", "Grace Period", "Invoice series"),
        free=(),
        strict=("Invoice Generation Day", "Payment Terms", "Grace Period", "Invoice series"),
    ),
    "Invite": Case(
        open=invite,
        save="Create link",
        valid=lambda: {"Email": f"{numbered('invited.')}@example.com"},
        required=("Email",),
        free=(),
        strict=("Email",),
    ),
}


def each_case(fits: Callable[[Case], object]) -> pytest.MarkDecorator:
    fitting = {name: case for name, case in CASES.items() if fits(case)}
    return pytest.mark.parametrize("case", fitting.values(), ids=fitting.keys())


@each_case(lambda case: case.strict)
def test_bad_input_is_refused_at_each_field_and_kept(owner: Window, town: Town, case: Case) -> None:
    # The preview of a payment sends the amount in its address, which has a limit: 414.
    owner.expect_answers(422, 414)
    form = case.open(owner, town)
    send(owner, case, form, dict.fromkeys((*case.valid(), *case.required), ""))
    for label in case.required:
        assert message_at(owner, label), f"no message at {label}"

    valid = {**dict.fromkeys(case.strict, ""), **case.valid()}
    assert_refused(owner, case, form, valid, STRANGE, at=set(case.strict))
    assert_refused(owner, case, form, valid, TOO_LONG, at={*case.strict, *case.free})


@each_case(lambda case: case.free)
def test_free_text_is_accepted_and_shown_as_typed(owner: Window, town: Town, case: Case) -> None:
    unique = f"{STRANGE} {next(_numbers)}"
    form = case.open(owner, town)
    send(owner, case, form, {**case.valid(), **dict.fromkeys(case.free, unique)})

    expect(owner.page.get_by_role("main")).not_to_contain_text("highlighted field")
    expect(owner.page.get_by_role("alert")).to_have_count(0)
    shown = owner.page.get_by_text(unique).or_(owner.page.get_by_role("textbox").filter(has_text=unique))
    if owner.page.url.endswith("/settings/general"):
        expect(owner.field("ISP Name")).to_have_value(unique)
        expect(owner.page.get_by_role("banner").first).to_contain_text(unique)
        form = case.open(owner, town)
        send(owner, case, form, dict(case.valid()))
        expect(owner.field("ISP Name")).to_have_value("ISP-OS")
    else:
        expect(shown.first).to_be_visible()


def test_formula_is_text_in_an_export(owner: Window, town: Town, tmp_path: Path) -> None:
    number = next(_numbers)
    made = town.isp.connect("=1+1", username=f"formula.{number}", online=False)
    made.pay(100, reference="=2+2")
    for menu, column, words in (("Subscribers", "Full Name", "'=1+1"), ("Payments", "Reference", "'=2+2")):
        owner.go("/")
        owner.menu(menu)
        with owner.page.expect_download() as saving:
            owner.click("CSV", "link")
        file = tmp_path / f"{menu}.csv"
        saving.value.save_as(file)
        rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
        assert words in [row[column] for row in rows]
        cells = [cell for row in rows for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


def send(window: Window, case: Case, form: Locator, typed: Mapping[str, str]) -> None:
    """Fill in the form, submit it, and wait for the response."""
    form.evaluate(LET_ANYTHING_THROUGH)
    for label, number in case.choose.items():
        if typed.get(label) != "":
            window.field(label, form).select_option(index=number)
    for label, words in typed.items():
        if label not in case.choose:
            window.field(label, form).fill(words)
    # The same form may be on the answer, so wait until this one is gone.
    form.evaluate("form => { form.dataset.old = 'yes' }")
    with window.page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        form.get_by_role("button", name=case.save, exact=True).click()
    expect(window.page.locator("form[data-old]")).to_have_count(0)
    window.page.wait_for_load_state()
    if sent.value.status == 422:
        expect(window.page.get_by_role("alert")).to_be_visible()
    else:
        expect(window.page.get_by_role("dialog")).to_be_hidden()
        expect(window.page.get_by_role("status").first).to_be_visible()


def assert_refused(
    window: Window, case: Case, form: Locator, valid: Mapping[str, str], words: str, *, at: set[str]
) -> None:
    """Type the words into the free and the strict fields. They must be refused at each of `at`."""
    typed = {**valid, **dict.fromkeys((*case.free, *case.strict), words)}
    left = set(at)
    # A service's errors appear only once the gateway finds no more errors.
    while left:
        send(window, case, form, typed)
        assert_kept(window, case, typed)
        marked = {label for label in left if message_at(window, label)}
        assert marked, f"no message at {left}"
        left -= marked
        typed |= {label: valid[label] for label in marked}


def message_at(window: Window, label: str) -> str:
    """The message at a field that is marked as wrong; empty if it is not."""
    found = window.field(label)
    if found.get_attribute("aria-invalid") != "true":
        return ""
    described = found.get_attribute("aria-describedby")
    # A field may be described by more than its message, which comes first.
    return window.page.locator(f"[id='{described.split()[0]}']").inner_text() if described else ""


def assert_kept(window: Window, case: Case, typed: Mapping[str, str]) -> None:
    for label, words in typed.items():
        field = window.field(label)
        # Passwords must be typed again, and a date field shows only dates.
        if label not in case.passwords and field.get_attribute("type") != "date":
            expect(field).to_have_value(words)
