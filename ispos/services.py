"""The services and their packages, in the order they are started."""

from __future__ import annotations

PACKAGES = {
    "subscriber": "subscriber_svc",
    "billing": "billing_svc",
    "payment": "payment_svc",
    "router": "router_svc",
    "radius": "radius_svc",
    "gateway": "gateway",
}
