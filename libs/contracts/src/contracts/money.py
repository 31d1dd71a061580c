"""Money: a whole number of minor units (centavos) with a currency. Floats are never used."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_CURRENCY = "PHP"
# The largest price or payment that is accepted: 1,000,000,000.00. A larger one is a typing mistake.
MAX_MINOR = 100_000_000_000


class CurrencyMismatch(ValueError):
    """Two amounts in different currencies cannot be added or compared."""


@dataclass(frozen=True)
class Money:
    """`minor` units of `currency`: Money(150000, "PHP") is 1,500.00 pesos. Negative amounts are credit."""

    minor: int
    currency: str = DEFAULT_CURRENCY

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError(f"minor units must be an integer, got {self.minor!r}")

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same_currency(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same_currency(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same_currency(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same_currency(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same_currency(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same_currency(other).minor

    def __bool__(self) -> bool:
        # "Is there an amount?" and "is it zero?" are different questions, and a mix-up costs money.
        raise TypeError("an amount is neither true nor false: use `is None` or `.minor`")

    def share(self, numerator: int, denominator: int) -> Money:
        """This amount times numerator / denominator, rounded half up (away from zero).

        This is the only place where money is rounded.
        """
        product = abs(self.minor) * numerator
        rounded = (2 * product + denominator) // (2 * denominator)
        return Money(rounded if self.minor >= 0 else -rounded, self.currency)

    def _same_currency(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be mixed")
        return other


def total(amounts: list[Money], currency: str = DEFAULT_CURRENCY) -> Money:
    """The sum of amounts that are already rounded; zero in `currency` if there are none."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result
