"""Account numbers: what subscribers read out. 10-0023-0 is number 100023 and its check digit.

Numbers are counted from FIRST and get longer after 999,999: 100-0000-4 follows 99-9999-0. The check digit is
that of H. Michael Damm, "Total anti-symmetrische Quasigruppen" (2004): it notices every wrong digit and every
two adjacent digits that were swapped. Numbers are stored as digits and shown as `formatted` writes them.
"""

from __future__ import annotations

import re

FIRST = 100_001
MIN_TYPED = 5  # fewer digits than that begin too many account numbers to be one

# Enough for 100 million subscribers; phone numbers have more digits.
_LENGTHS = range(len(str(FIRST)) + 1, 10)
_QUASIGROUP = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
_SEPARATORS = re.compile(r"[\s.\u2010-\u2015-]+")
_TYPED = re.compile(r"[1-9][0-9]*")


def complete(number: int) -> str:
    """The digits of an account number: the number and its check digit."""
    digits = str(number)
    return digits + str(_check_digit(digits))


def is_complete(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return _check_digit(digits) == 0


def formatted(digits: str) -> str:
    """The account number as people read it, in groups of four: 10-0023-0. Nothing for nothing."""
    number, check = digits[:-1], digits[-1:]
    groups = [number[max(0, end - 4) : end] for end in range(len(number), 0, -4)]
    return "-".join([*reversed(groups), check]) if digits else ""


def typed(text: str) -> str | None:
    """The digits of `text` if it can be an account number or the beginning of one, with any separators."""
    digits = _SEPARATORS.sub("", text)
    if not _TYPED.fullmatch(digits) or not digits.isascii():
        return None
    return digits if len(digits) >= MIN_TYPED else None


def is_mistyped(text: str) -> bool:
    """Whether `text` is as long as an account number but has a wrong digit."""
    digits = typed(text)
    return digits is not None and len(digits) in _LENGTHS and not is_complete(digits)


def _check_digit(digits: str) -> int:
    interim = 0
    for digit in digits:
        interim = _QUASIGROUP[interim][int(digit)]
    return interim
