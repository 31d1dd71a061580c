"""In-memory stand-ins for the services that the gateway calls.

tests/conformance runs them and the real services through the same checks.
"""

from __future__ import annotations

import base64

from gateway_fakes.base import NOW, TODAY
from gateway_fakes.world import World

PASSWORD = "correct horse battery"

__all__ = ["NOW", "PASSWORD", "TODAY", "World", "basic"]


def basic(email: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()}
