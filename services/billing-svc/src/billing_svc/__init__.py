"""billing-svc: invoices, the ledger, allocations, the billing run, and who is overdue."""
