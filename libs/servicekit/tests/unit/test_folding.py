import pytest
from servicekit.paging import folded, searched


@pytest.mark.parametrize("text", ["Peña", "PEÑA", "pena", "pen\u0303a"])
def test_folded_text_has_neither_case_nor_accents(text):
    assert folded(text) == "pena"


def test_text_without_printable_characters_searches_for_nothing():
    assert searched(None) == searched("") == searched(" \x00\ud83d ") == ""
    assert searched(" Juan\x00 Cruz ") == "juan cruz"
    assert searched("Straße 😀") == "strasse 😀"
