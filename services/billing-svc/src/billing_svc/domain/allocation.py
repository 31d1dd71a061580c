"""Which invoices a payment pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.money import Money


@dataclass(frozen=True)
class OpenInvoice:
    """An invoice with something left to pay."""

    invoice_id: str
    balance: Money


@dataclass(frozen=True)
class Share:
    """The part of a payment that goes to one invoice."""

    invoice_id: str
    amount: Money


def allocate_oldest_first(
    amount: Money, open_invoices: Sequence[OpenInvoice], *, first: str | None = None
) -> tuple[list[Share], Money]:
    """Split `amount` over the invoices, which are given oldest first. Returns the shares and the remainder.

    The invoice with id `first` is paid before the others. The remainder becomes credit.
    """
    ordered = sorted(open_invoices, key=lambda invoice: invoice.invoice_id != first)  # stable
    shares: list[Share] = []
    left = amount
    for invoice in ordered:
        part = min(left, invoice.balance)
        if part.minor > 0:
            shares.append(Share(invoice.invoice_id, part))
            left = left - part
    return shares, left
