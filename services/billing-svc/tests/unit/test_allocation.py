from __future__ import annotations

from billing_svc.domain.allocation import OpenInvoice, Share, allocate_oldest_first
from contracts.money import Money
from hypothesis import given
from hypothesis import strategies as st

BALANCES = st.lists(st.integers(1, 10**9), max_size=8)


def open_invoices(balances: list[int]) -> list[OpenInvoice]:
    return [OpenInvoice(f"invoice-{position}", Money(balance)) for position, balance in enumerate(balances)]


@given(st.integers(0, 10**10), BALANCES, st.none() | st.integers(0, 10))
def test_every_centavo_is_allocated_exactly_once(minor, balances, first):
    invoices = open_invoices(balances)
    preferred = None if first is None else f"invoice-{first}"
    shares, left = allocate_oldest_first(Money(minor), invoices, first=preferred)

    assert sum(share.amount.minor for share in shares) + left.minor == minor
    assert left >= Money(0)
    assert len({share.invoice_id for share in shares}) == len(shares)
    balance_of = {invoice.invoice_id: invoice.balance for invoice in invoices}
    assert all(Money(0) < share.amount <= balance_of[share.invoice_id] for share in shares)
    # Money is left over only if no invoice is open anymore.
    assert left == Money(0) or sum(balances) == minor - left.minor


@given(st.integers(1, 10**10), BALANCES)
def test_older_invoices_are_paid_in_full_first(minor, balances):
    shares, _ = allocate_oldest_first(Money(minor), open_invoices(balances))
    assert [share.invoice_id for share in shares] == [f"invoice-{n}" for n in range(len(shares))]
    assert all(share.amount.minor == balances[n] for n, share in enumerate(shares[:-1]))


def test_preferred_invoice_is_paid_before_the_oldest():
    shares, left = allocate_oldest_first(Money(250), open_invoices([100, 100, 100]), first="invoice-2")
    assert shares == [
        Share("invoice-2", Money(100)),
        Share("invoice-0", Money(100)),
        Share("invoice-1", Money(50)),
    ]
    assert left == Money(0)


def test_preferred_invoice_that_is_not_open_is_ignored():
    open_ones = open_invoices([100, 100])
    assert allocate_oldest_first(Money(150), open_ones, first="paid long ago") == allocate_oldest_first(
        Money(150), open_ones
    )


def test_no_open_invoice_or_no_money_allocates_nothing():
    assert allocate_oldest_first(Money(100), []) == ([], Money(100))
    assert allocate_oldest_first(Money(0), open_invoices([100])) == ([], Money(0))
