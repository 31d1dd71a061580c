import csv
import io

import pytest
from flask import Flask, current_app
from gateway.http.csv_export import CHUNK_ROWS, csv_response, safe_cell


def rows_of(response):
    text = response.get_data().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.fixture
def app():
    return Flask("csv")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_formula_is_written_as_text(start):
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "Peña", "1,500.00", "a=b", "'quoted", "😀"])
def test_other_cells_are_unchanged(text):
    assert safe_cell(text) == text


def test_file_is_utf8_with_a_bom_and_has_a_name(app):
    with app.test_request_context():
        response = csv_response("subscribers.csv", ["Name"], [["Peña"], ['a "b", c\nd'], ["=1+1"]])
        assert response.get_data().startswith(b"\xef\xbb\xbfName\r\nPe\xc3\xb1a\r\n")
        assert rows_of(response) == [["Name"], ["Peña"], ['a "b", c\nd'], ["'=1+1"]]
    assert response.headers["Content-Disposition"] == "attachment; filename=subscribers.csv"
    assert response.content_type == "text/csv; charset=utf-8"


def test_rows_are_streamed_within_the_request(app):
    read = []

    def rows():
        for number in range(3 * CHUNK_ROWS):
            read.append(number)
            yield [f"{current_app.name} {number}"]

    with app.test_request_context():
        response = csv_response("a.csv", ["n"], rows())
        assert len(read) == CHUNK_ROWS
        assert len(rows_of(response)) == 3 * CHUNK_ROWS + 1


def test_error_before_the_first_row_reaches_the_error_page(app):
    def rows():
        raise LookupError("down")
        yield []

    with app.test_request_context(), pytest.raises(LookupError):
        csv_response("a.csv", ["n"], rows())


def test_empty_list_is_only_a_header(app):
    with app.test_request_context():
        assert rows_of(csv_response("a.csv", ["Name", "Due Date"], [])) == [["Name", "Due Date"]]
