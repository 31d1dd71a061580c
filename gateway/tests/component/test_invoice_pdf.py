"""Invoices as PDF files: the same figures as on the page, for people who may see them."""

import io
import re
from dataclasses import replace

import pytest
import segno
from contracts.billing import AllocationView, InvoiceStatus, PriceSource
from contracts.common import Unavailable
from contracts.money import Money
from gateway.models import Role
from gateway.pdf.renderer import RenderFailed
from gateway.resources import invoice_pdf as document
from gateway_fakes import NOW
from pypdf import PdfReader

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'


@pytest.fixture
def change(world, invoice_id):
    """Call it to give the invoice other values."""

    def change(**values):
        world.invoices[invoice_id] = replace(world.invoices[invoice_id], **values)

    return change


@pytest.fixture
def html(app, world, invoice_id):
    """Call it for the HTML page from which the PDF is made."""

    def html():
        invoice = world.invoices[invoice_id]
        with app.test_request_context():
            return document.html(invoice, world.subscribers[invoice.subscriber_id])

    return html


def drawn(path):
    """The dark squares of a QR code, whose path runs through their centers row by row."""
    x, y, squares = 0.0, 0.0, set()
    for command, arguments in re.findall(r"([Mmh])([^Mmh]+)", path):
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", arguments)]
        if command == "h":
            squares |= {(int(x) + step, int(y)) for step in range(int(numbers[0]))}
            x += numbers[0]
        else:
            x, y = numbers if command == "M" else (x + numbers[0], y + numbers[1])
    return squares


def text_of(answer):
    assert answer.status_code == 200, answer.text
    with PdfReader(io.BytesIO(answer.data)) as made:
        # A PDF places letters; it has no spaces between words.
        return " ".join(" ".join(page.extract_text() for page in made.pages).split())


def test_operator_gets_the_invoice_with_its_figures(browser, api, change, subscriber, invoice_id, world):
    api("PATCH", f"/subscribers/{subscriber['id']}", {"full_name": "Pedro Peña", "address": "12 Rizal Ave."})
    api("PATCH", "/settings/general", {"isp_name": "Sinag Fiber", "tin": "123456789000"})
    (line,) = world.invoices[invoice_id].lines
    line = replace(
        line,
        price=Money(160000),
        price_source=PriceSource.INDIVIDUAL,
        discount_amount=Money(10000),
        tax=Money(16071),
    )
    paid = AllocationView("a-1", "payment-1", invoice_id, "INV", Money(50000), NOW)
    change(subscriber_name="Pedro Peña", lines=[line], allocations=[paid], balance=Money(100000))
    answer = browser.get(f"/invoices/{invoice_id}.pdf")
    assert answer.content_type == "application/pdf"
    number = world.invoices[invoice_id].number
    assert answer.headers["Content-Disposition"] == f"inline; filename={number}.pdf"
    text = text_of(answer)
    for said in (
        number,
        "Sinag Fiber",
        "123-456-789-000",
        "Pedro Peña",
        "12 Rizal Ave.",
        "23 Nov 2026",
        "8 Dec 2026",
        "1 Nov 2026 to 30 Nov 2026",
        "Individual price ₱1,600.00, less ₱100.00 discount",
        "₱160.71",
        "₱1,339.29",
        "-₱500.00",
        "₱1,000.00",
        f"give your account number {subscriber['account_number']}",
    ):
        assert said in text, said
    assert subscriber["short_id"] not in text  # only in the QR code and the link


def test_name_no_font_can_print_is_reported_before_the_pdf_opens(
    browser, change, subscriber, invoice_id, new_browser
):
    change(subscriber_name="Juan \uf8f0")
    page = browser.get(f"/invoices/{invoice_id}.pdf")
    assert page.content_type.startswith("text/html")
    assert "\uf8f0" in page.text
    assert "sudo apt-get install fonts-noto-core" in page.text
    assert browser.get(f"/invoices/{invoice_id}.pdf?anyway=1").content_type == "application/pdf"
    portal = new_browser.get(f"/c/{subscriber['short_id']}/invoices/{invoice_id}.pdf")
    assert portal.content_type == "application/pdf"


def test_page_and_file_have_the_same_content(browser, invoice_id):
    page, text = (
        browser.get(f"/invoices/{invoice_id}").text,
        text_of(browser.get(f"/invoices/{invoice_id}.pdf")),
    )
    for figure in ("₱1,500.00", "8 Dec 2026"):
        assert figure in page
        assert figure in text


@pytest.mark.parametrize(
    ("status", "stamp"),
    [
        (InvoiceStatus.VOID, "Void"),
        (InvoiceStatus.PAID, "Paid"),
        (InvoiceStatus.OVERDUE, "Overdue"),
        (InvoiceStatus.SENT, None),
        (InvoiceStatus.PARTIALLY_PAID, None),
    ],
)
def test_paid_and_void_invoices_have_a_stamp(html, change, status, stamp):
    change(status=status)
    page = html()
    assert (f">{stamp}</p>" in page) if stamp else ('class="stamp' not in page)


def test_void_invoice_is_clearly_marked(browser, change, invoice_id):
    change(status=InvoiceStatus.VOID, balance=Money(0))
    text = text_of(browser.get(f"/invoices/{invoice_id}.pdf"))
    assert "VOID" in text
    assert "No payment is due" in text
    assert "Pay by" not in text


def test_invoice_without_vat_has_no_vat_line(html):
    assert "VAT" not in html()


def test_qr_code_opens_the_payment_page(html, subscriber):
    address = f"http://127.0.0.1:8080/c/{subscriber['short_id']}"
    page = html()
    assert f'href="{address}"' in page
    (path,) = re.findall(r'<path[^>]* d="([^"]+)"', page)
    expected = segno.make(address, error="m", micro=False).matrix
    dark = {(x, y) for y, row in enumerate(expected) for x, module in enumerate(row) if module}
    assert drawn(path) == dark


def test_long_and_odd_names_are_escaped(browser, html, change, invoice_id):
    name = "Ñandú <img src=x> 😀 & Peña " + "Pneumonoultra" * 12
    change(subscriber_name=name)
    assert "&lt;img src=x&gt;" in html()
    text = text_of(browser.get(f"/invoices/{invoice_id}.pdf"))
    assert "Ñandú <img src=x>" in text
    assert "& Peña" in text


def test_logo_is_drawn(browser, api, app, invoice_id):
    headers = {"Authorization": f"Bearer {api.token}"}
    plain = browser.get(f"/invoices/{invoice_id}.pdf").data
    app.test_client().put("/api/v1/settings/general/logo", data=SVG, headers=headers)
    assert len(browser.get(f"/invoices/{invoice_id}.pdf").data) != len(plain)


def test_invoice_with_many_lines_has_several_pages(browser, change, world, invoice_id):
    (line,) = world.invoices[invoice_id].lines
    change(lines=[replace(line, description=f"Line {number}") for number in range(80)])
    answer = browser.get(f"/invoices/{invoice_id}.pdf")
    with PdfReader(io.BytesIO(answer.data)) as made:
        assert len(made.pages) > 2
    text = text_of(answer)
    assert all(f"Line {number}" in text for number in range(80))


def test_technician_gets_no_file(browser_as, new_browser, invoice_id):
    assert browser_as(Role.TECHNICIAN).get(f"/invoices/{invoice_id}.pdf").status_code == 403
    assert new_browser.get(f"/invoices/{invoice_id}.pdf").headers["Location"].startswith("/login")


def test_unknown_invoice_is_404(browser, subscriber, new_browser):
    assert browser.get("/invoices/nope.pdf").status_code == 404
    assert new_browser.get(f"/c/{subscriber['short_id']}/invoices/nope.pdf").status_code == 404
    assert new_browser.get("/c/nobody/invoices/nope.pdf").status_code == 404


def test_subscriber_gets_only_their_own_invoices(new_browser, api, subscriber, invoice_id, world):
    answer = new_browser.get(f"/c/{subscriber['short_id']}/invoices/{invoice_id}.pdf")
    assert world.invoices[invoice_id].number in text_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    other = api("POST", "/subscribers", {"full_name": "Maria"}).json
    assert new_browser.get(f"/c/{other['short_id']}/invoices/{invoice_id}.pdf").status_code == 404


def test_no_partial_invoice_while_a_service_is_down(browser, invoice_id, world):
    world.down.add("subscriber")
    answer = browser.get(f"/invoices/{invoice_id}.pdf")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    ("trouble", "status"), [(Unavailable("many PDF files"), 503), (RenderFailed("deep"), 500)]
)
def test_trouble_with_the_worker_is_explained(browser, gateway, monkeypatch, invoice_id, trouble, status):
    def fail(*_arguments):
        raise trouble

    monkeypatch.setattr(gateway.pdf, "render", fail)
    answer = browser.get(f"/invoices/{invoice_id}.pdf")
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) is (status == 503)
