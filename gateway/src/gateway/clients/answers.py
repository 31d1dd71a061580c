"""What to do when a service is not available."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from contracts.common import Unavailable
from servicekit.rpc import ServiceFault

Answer = TypeVar("Answer")

# The service is down, too slow, or failed because of a bug of its own.
UNAVAILABLE_ERRORS = (Unavailable, ServiceFault)


def if_it_answers(ask: Callable[[], Answer]) -> Answer | None:
    """What `ask` returns; None while the service is unavailable. For parts of a page that can be left out."""
    try:
        return ask()
    except UNAVAILABLE_ERRORS:
        return None
