import pytest
from contracts.money import Money
from gateway.display.typed import parse_pesos, parse_speed, percent_hundredths, percent_value
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "minor"),
    [("1500", 150000), ("1,500.00", 150000), ("₱1,500.00", 150000), (" 0.05 ", 5), ("12.5", 1250), ("0", 0)],
)
def test_amount_is_read_as_people_write_it(text, minor):
    assert parse_pesos(text) == Money(minor)


@pytest.mark.parametrize("text", ["-1", "+1", "1.500", "1,50", "1e3", "15 00", "", "abc", "1.", "١٢", "½"])
def test_invalid_amount_is_refused(text):
    with pytest.raises(ValueError, match="must be an amount"):
        parse_pesos(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_every_amount_survives_a_round_trip(minor):
    assert parse_pesos(f"{minor // 100:,}.{minor % 100:02d}") == Money(minor)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_value_error(text):
    try:
        assert parse_pesos(text).minor >= 0
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("text", "kbps"),
    [
        ("50", 50_000),
        ("50Mbps", 50_000),
        ("50 mbps", 50_000),
        ("512k", 512),
        ("1G", 1_000_000),
        ("1.5M", 1500),
    ],
)
def test_speed_is_read_as_people_write_it(text, kbps):
    assert parse_speed(text) == kbps


@pytest.mark.parametrize("text", ["0", "-5", "fast", "", "1.2345M", "0.5k", "999999G"])
def test_invalid_speed_is_refused(text):
    with pytest.raises(ValueError, match="must be a speed"):
        parse_speed(text)


@given(st.integers(min_value=0, max_value=10_000))
def test_percentage_survives_a_round_trip(hundredths):
    assert percent_hundredths(percent_value(hundredths)) == hundredths


@pytest.mark.parametrize("value", [True, "10.125", "-1", "", "10%", 12.5])
def test_invalid_percentage_is_refused(value):
    with pytest.raises(ValueError, match="must be a percentage"):
        percent_hundredths(value)
