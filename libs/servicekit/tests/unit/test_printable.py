from servicekit.paging import printable, searched


def test_unprintable_characters_are_left_out():
    assert printable(" Peña\0\u200b\ud83d ") == " Peña "
    assert printable(None) == ""


def test_search_text_is_printable_folded_and_trimmed():
    assert searched(" PEÑA\0 ") == "pena"
    assert searched("\0") == searched(None) == ""
