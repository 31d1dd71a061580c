"""subscriber-svc: subscribers, plans, services, and the holds that decide whether a service is up."""
