"""payment-svc: money that arrived. Later: payment providers and their webhooks."""
