"""subscriber-svc: subscribers, plans, services, and the holds that suspend services."""
