"""Faults to switch on in a simulated router."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Faults:
    """What this router does wrong. Change it at any time."""

    ignore_coa: bool = False
    nak_coa_with: int | None = None  # an Error-Cause
    acknowledge_but_ignore: bool = False
    coa_delay_seconds: float = 0.0
    duplicate_coa_replies: bool = False
    coa_replies_to_lose: int = 0
    lose_accounting: bool = False
