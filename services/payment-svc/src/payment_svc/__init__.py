"""payment-svc: payments received. Planned: payment providers and their webhooks."""
