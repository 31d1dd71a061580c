"""Who writes ledger entries: only the books, which publish what the accounts owe after it."""

from __future__ import annotations

import re
from pathlib import Path

import billing_svc

SOURCES = Path(billing_svc.__file__).parent
WRITES_ENTRIES = re.compile(r"insert\(LedgerEntry|LedgerEntry\((?!Base)")


def test_only_the_books_write_ledger_entries():
    writers = [path.name for path in SOURCES.rglob("*.py") if WRITES_ENTRIES.search(path.read_text())]
    assert writers == ["books.py"]
