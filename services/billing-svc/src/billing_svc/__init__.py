"""billing-svc: invoices, the ledger, allocations, billing runs and collections."""
