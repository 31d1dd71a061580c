"""Why a session was closed although its NAS never sent a Stop: `radacct.closed_on_evidence` in words."""

from __future__ import annotations

IN_WORDS = {
    "newer-start": "a newer session began",
    "boot-digit": "the router has restarted",
    "accounting-on": "the router has restarted",
    "accounting-off": "the router was shut down",
    "unknown-to-nas": "the router did not know the session",
    "missed-interims": "the router stopped reporting it",
}


def in_words(evidence: str) -> str:
    """Of evidence that this version does not know, its name."""
    return IN_WORDS.get(evidence, evidence)
