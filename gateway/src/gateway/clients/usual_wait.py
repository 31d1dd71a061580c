"""How long it usually takes until the effect of a command can be seen in another service."""

from __future__ import annotations

# How much the latest wait counts. The usual wait never gets longer than this, however slow everything was.
_WEIGHT = 0.3
_MAX_SECONDS = 0.5
# An effect that could be seen at the first try may have been there for a while.
_SHORTER = 0.7


class UsualWait:
    """`seconds` to wait before the first try, learned from recent waits; at first none.

    Trying at once and often shows no effect sooner. Under load, most of the work would be answering calls
    that come too early.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def learn(self, seconds: float, *, tries: int) -> None:
        """Record a wait of `seconds` that took `tries` tries to see its effect."""
        if tries == 1:
            self.seconds *= _SHORTER
        else:
            self.seconds = min(self.seconds + _WEIGHT * (seconds - self.seconds), _MAX_SECONDS)
