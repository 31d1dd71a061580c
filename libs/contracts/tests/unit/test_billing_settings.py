from __future__ import annotations

from dataclasses import fields
from enum import StrEnum

import pytest
from contracts.billing import ChangeSettings
from contracts.billing_settings import DEFAULTS, SETTINGS, Setting
from contracts.common import Edit, InvalidInput

SETTABLE = pytest.mark.parametrize("name", SETTINGS)


def test_every_declared_setting_can_be_changed_and_no_other():
    changeable = {field.name for field in fields(ChangeSettings)} - {field.name for field in fields(Edit)}
    assert changeable == set(SETTINGS)


@SETTABLE
def test_default_is_accepted(name: str):
    SETTINGS[name].check(name, SETTINGS[name].default)
    assert getattr(DEFAULTS, name) == SETTINGS[name].default


@SETTABLE
def test_every_setting_has_words_and_limits_that_fit_its_type(name: str):
    setting = SETTINGS[name]
    assert setting.label
    assert "{" not in setting.help
    if isinstance(setting.default, StrEnum):
        assert set(setting.choices or ()) == set(type(setting.default))
    elif isinstance(setting.default, str):
        assert setting.maximum
        assert setting.pattern
        assert setting.pattern_words
    elif type(setting.default) is int:
        assert setting.minimum is not None
        assert setting.maximum is not None


def test_number_is_within_its_limits():
    days = Setting("Days", default=5, hint="From {minimum} to {maximum}.", minimum=0, maximum=30)
    assert days.help == "From 0 to 30."
    for value in (0, 30):
        days.check("days", value)
    for value in (-1, 31):
        with pytest.raises(InvalidInput, match="must be between 0 and 30") as refused:
            days.check("days", value)
        assert [error.field for error in refused.value.errors] == ["days"]


@pytest.mark.parametrize("series", ["", "inv", "INV 1", "-INV", "X" * 13, "INV\n"])
def test_text_matches_its_pattern(series: str):
    with pytest.raises(InvalidInput, match="must be 1 to 12 capital letters"):
        SETTINGS["invoice_series"].check("invoice_series", series)
