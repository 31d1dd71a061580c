"""Lists as CSV files that a spreadsheet opens as they are: UTF-8 with BOM, and no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from flask import Response, stream_with_context

CHUNK_ROWS = 200
BOM = "\ufeff"
# A spreadsheet takes a cell that begins with one of these for a formula, and carries it out.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_response(filename: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The rows as a file to save, sent while they are read: `rows` may be a generator, also one that calls
    services.

    The first rows are read here, so that a service that is down still gets the usual page; what `rows`
    raises later breaks the download off.
    """
    rows = iter(rows)
    first = list(islice(rows, CHUNK_ROWS))
    response = Response(
        stream_with_context(_chunks(header, first, rows)), content_type="text/csv; charset=utf-8"
    )
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response


def _chunks(
    header: Sequence[str], first: list[Sequence[str]], rest: Iterator[Sequence[str]]
) -> Iterator[str]:
    yield BOM + _lines(chain([header], first))
    while chunk := list(islice(rest, CHUNK_ROWS)):
        yield _lines(chunk)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def safe_cell(text: str) -> str:
    """With an apostrophe in front where a spreadsheet would calculate."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
