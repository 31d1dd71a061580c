"""The values of closed_on_evidence, also in the SQL of deploy/freeradius."""

from __future__ import annotations

import re
from pathlib import Path

from radius_svc.domain.evidence import IN_WORDS, Evidence, in_words

QUERIES = Path(__file__).parents[4] / "deploy/freeradius/queries.conf"


def test_every_evidence_has_words():
    assert set(IN_WORDS) == set(Evidence)


def test_unknown_evidence_is_shown_as_it_is():
    assert in_words("from-a-newer-version") == "from-a-newer-version"


def test_freeradius_writes_only_known_evidence():
    queries = QUERIES.read_text()
    literals = re.findall(r"closed_on_evidence = '([^']*)'", queries)
    # A restart is recorded as its Acct-Status-Type in small letters, which is also the name of its section.
    restarts = re.findall(r"^\t(\S+) \{\n\t\tquery = \"\$\{\.\.restart\}\"", queries, re.M)
    assert literals == [Evidence.NEWER_START]
    assert restarts == [Evidence.ACCOUNTING_ON, Evidence.ACCOUNTING_OFF]
