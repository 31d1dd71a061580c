"""router-svc: the ISP's routers. Planned: onboarding, the RouterOS API, detection of drift."""
