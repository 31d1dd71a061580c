"""Lists as CSV files for spreadsheets: UTF-8 with BOM, and no cell is read as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from flask import Response, stream_with_context

CHUNK_ROWS = 200
BOM = "\ufeff"
# A spreadsheet reads a cell that begins with one of these as a formula (OWASP, CSV Injection).
# The defusedcsv library (3.0) lets tabs and line breaks through and changes `|` inside the text it escapes.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_response(filename: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """A download of the rows, streamed as they are read. `rows` may be a generator that calls services.

    The first rows are read before the response starts, so that an error there still shows the usual error
    page. An error that `rows` raises later aborts the download.
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
    """The text, with an apostrophe in front if a spreadsheet would read it as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
