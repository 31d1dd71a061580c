"""Plan speeds in the format of the Mikrotik-Rate-Limit attribute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speed:
    """One value for each direction, in kbit/s, as the subscriber sees it.

    Raises ValueError unless above 0.
    """

    download_kbit: int
    upload_kbit: int

    def __post_init__(self) -> None:
        if self.download_kbit <= 0 or self.upload_kbit <= 0:
            raise ValueError("a speed must be above 0 kbit/s")

    def __str__(self) -> str:
        # rx comes first, and the router receives what the subscriber uploads.
        return f"{_rate(self.upload_kbit)}/{_rate(self.download_kbit)}"


@dataclass(frozen=True)
class Burst:
    """`limit` is allowed until the average speed over `seconds` exceeds `threshold`."""

    limit: Speed
    threshold: Speed
    seconds: int

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError("the duration of a burst must be above 0 seconds")


def mikrotik_rate_limit(speed: Speed, burst: Burst | None = None) -> str:
    """The value of Mikrotik-Rate-Limit: `rx/tx [rxburst/txburst rxthreshold/txthreshold rxtime/txtime]`.

    The fields are positional, so a burst always has all three of its parts. Raises ValueError if the burst
    limit is below the speed: RouterOS would refuse the whole login.
    """
    if burst is None:
        return str(speed)
    if burst.limit.download_kbit < speed.download_kbit or burst.limit.upload_kbit < speed.upload_kbit:
        raise ValueError("the burst limit is below the speed of the plan")
    return f"{speed} {burst.limit} {burst.threshold} {burst.seconds}/{burst.seconds}"


def _rate(kbit: int) -> str:
    return f"{kbit // 1000}M" if kbit % 1000 == 0 else f"{kbit}k"
