"""Why a session was closed although its NAS never sent a Stop."""

from __future__ import annotations

from enum import StrEnum


class Evidence(StrEnum):
    """The values of `radacct.closed_on_evidence`. Null there means that the NAS sent a Stop."""

    NEWER_START = "newer-start"
    BOOT_DIGIT = "boot-digit"
    ACCOUNTING_ON = "accounting-on"
    ACCOUNTING_OFF = "accounting-off"
    UNKNOWN_TO_NAS = "unknown-to-nas"
    MISSED_INTERIMS = "missed-interims"


IN_WORDS: dict[str, str] = {
    Evidence.NEWER_START: "a newer session began",
    Evidence.BOOT_DIGIT: "the router has restarted",
    Evidence.ACCOUNTING_ON: "the router has restarted",
    Evidence.ACCOUNTING_OFF: "the router was shut down",
    Evidence.UNKNOWN_TO_NAS: "the router did not know the session",
    Evidence.MISSED_INTERIMS: "the router stopped reporting it",
}


def in_words(evidence: str) -> str:
    """The reason as people read it; a value that this version does not know is returned as it is."""
    return IN_WORDS.get(evidence, evidence)
