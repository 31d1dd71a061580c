"""What can be recorded as a payment."""

from __future__ import annotations

from datetime import date

from contracts.billing import InvoiceStatus, InvoiceView
from contracts.common import InvalidInput
from contracts.money import DEFAULT_CURRENCY, MAX_MINOR, Money

MAX_REFERENCE_LENGTH = 100


def check_amount(amount: Money) -> None:
    """Raises InvalidInput."""
    if amount.currency != DEFAULT_CURRENCY:
        raise InvalidInput.of("amount", f"is in {amount.currency}; this system takes {DEFAULT_CURRENCY}")
    if not 0 < amount.minor <= MAX_MINOR:
        raise InvalidInput.of("amount", "must be more than zero and not absurdly large")


def check_reference(reference: str) -> str:
    """The reference without surrounding space. Raises InvalidInput."""
    reference = reference.strip()
    if len(reference) > MAX_REFERENCE_LENGTH:
        raise InvalidInput.of("reference", f"use at most {MAX_REFERENCE_LENGTH} characters")
    if not reference.isprintable():
        raise InvalidInput.of("reference", "contains control characters; remove them")
    return reference


def check_received_on(received_on: date, today: date) -> None:
    """Money cannot have come in tomorrow. Raises InvalidInput."""
    if received_on > today:
        raise InvalidInput.of("received_on", f"{received_on} is in the future")


def check_invoice(invoice: InvoiceView, subscriber_id: str) -> None:
    """Raises InvalidInput for an invoice that this payment cannot be for."""
    if invoice.subscriber_id != subscriber_id:
        raise InvalidInput.of("invoice_id", f"invoice {invoice.number} belongs to another subscriber")
    if invoice.status is InvoiceStatus.VOID:
        raise InvalidInput.of(
            "invoice_id", f"invoice {invoice.number} is void; record the payment for the subscriber instead"
        )
