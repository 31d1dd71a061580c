import pytest
from gateway.branding import contrast
from hypothesis import given
from hypothesis import strategies as st

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
DARK_PAGE = "#182433"


def test_contrast_ratio_matches_wcag():
    assert contrast.ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast.ratio("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@given(COLORS)
def test_ink_is_readable_on_any_color(color):
    assert contrast.ratio(contrast.ink_on(color), color) >= contrast.MIN_RATIO


@given(COLORS)
def test_any_color_becomes_readable_on_light_and_dark_pages(color):
    assert contrast.ratio(contrast.darkened_for("#ffffff", color), "#ffffff") >= contrast.MIN_RATIO
    assert contrast.ratio(contrast.lightened_for(DARK_PAGE, color), DARK_PAGE) >= contrast.MIN_RATIO


@given(COLORS)
def test_readable_color_is_unchanged(color):
    if contrast.ratio(color, "#ffffff") >= contrast.MIN_RATIO:
        assert contrast.darkened_for("#ffffff", color) == color


@pytest.mark.parametrize("typed", ["#18181B", "18181b", " #18181b "])
def test_common_notations_of_a_color_are_accepted(typed):
    assert contrast.parse(typed) == "#18181b"


def test_short_color_is_expanded():
    assert contrast.parse("#1af") == "#11aaff"


@pytest.mark.parametrize("typed", ["", "red", "#12345", "#1234567", "#gggggg", "#000;}", "#٠٠٠"])
def test_invalid_color_is_refused(typed):
    with pytest.raises(ValueError, match="must be a color"):
        contrast.parse(typed)
