"""How many examples tests with Hypothesis try: few in `make test`, many and new ones with SOAK=50."""

import os

FACTOR = int(os.environ.get("SOAK", "1"))
IS_SOAK = FACTOR > 1


def examples(usual: int) -> int:
    """`usual`, multiplied by the SOAK of the environment."""
    return usual * FACTOR
