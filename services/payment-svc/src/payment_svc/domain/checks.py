"""What can be recorded as a payment."""

from __future__ import annotations

from datetime import date

from contracts.billing import InvoiceStatus, InvoiceView
from contracts.common import InvalidInput
from contracts.money import DEFAULT_CURRENCY, MAX_MINOR, Money

MAX_REFERENCE_LENGTH = 100
MAX_REASON_LENGTH = 500


def check_amount(amount: Money) -> None:
    """Raises InvalidInput unless the amount is more than zero and in the currency of this system."""
    if amount.currency != DEFAULT_CURRENCY:
        raise InvalidInput.of("amount", f"is in {amount.currency}; use {DEFAULT_CURRENCY}")
    if not 0 < amount.minor <= MAX_MINOR:
        raise InvalidInput.of("amount", f"must be more than 0.00 and at most {MAX_MINOR // 100:,}.00")


def check_reference(reference: str) -> str:
    """The reference without surrounding spaces. Raises InvalidInput if it is too long or not printable."""
    reference = reference.strip()
    if len(reference) > MAX_REFERENCE_LENGTH:
        raise InvalidInput.of("reference", f"is too long; use at most {MAX_REFERENCE_LENGTH} characters")
    if not reference.isprintable():
        raise InvalidInput.of("reference", "contains control characters; remove them")
    return reference


def check_reason(reason: str) -> str:
    """The reason without surrounding spaces. Raises InvalidInput if it is empty, too long or unprintable."""
    reason = reason.strip()
    if not reason:
        raise InvalidInput.of("reason", "is required")
    if len(reason) > MAX_REASON_LENGTH:
        raise InvalidInput.of("reason", f"is too long; use at most {MAX_REASON_LENGTH} characters")
    if not "".join(reason.splitlines()).isprintable():
        raise InvalidInput.of("reason", "contains control characters; remove them")
    return reason


def check_received_on(received_on: date, today: date) -> None:
    """Raises InvalidInput if the payment would have arrived in the future."""
    if received_on > today:
        raise InvalidInput.of("received_on", f"{received_on} is in the future; use today or an earlier date")


def check_invoice(invoice: InvoiceView, subscriber_id: str) -> None:
    """Raises InvalidInput if the payment cannot be for this invoice."""
    if invoice.subscriber_id != subscriber_id:
        raise InvalidInput.of("invoice_id", f"invoice {invoice.number} belongs to another subscriber")
    if invoice.status is InvoiceStatus.VOID:
        raise InvalidInput.of(
            "invoice_id", f"invoice {invoice.number} is void; record the payment for the subscriber instead"
        )
