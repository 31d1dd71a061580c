"""router-svc: the routers of the ISP. Later: onboarding, the RouterOS API, drift."""
