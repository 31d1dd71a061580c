"""What to do when a service is not available."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from contracts.common import Unavailable
from servicekit.rpc import ServiceFault

Answer = TypeVar("Answer")

# A service is down, too slow, or failed because of its own mistake.
UNAVAILABLE_ERRORS = (Unavailable, ServiceFault)


def if_it_answers(ask: Callable[[], Answer]) -> Answer | None:
    """The answer, or None while the service is unavailable: for parts of a page that can be left out."""
    try:
        return ask()
    except UNAVAILABLE_ERRORS:
        return None
