"""The version of ISP-OS that is running."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def product_version() -> str:
    """For example "0.2.0". All parts of a release share the gateway's version (docs/versioning.md)."""
    return metadata.version("gateway")
