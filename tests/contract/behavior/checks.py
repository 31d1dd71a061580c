"""Checks that several contracts share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.common import InvalidInput, Page


def assert_pages(list_page: Callable[[int, str | None], Page], ids: list[str]) -> None:
    """The list has these ids in this order, in one page, and in pages of two without gaps or repeats."""
    assert [item.id for item in list_page(200, None).items] == ids
    paged, after = [], None
    while True:
        page = list_page(2, after)
        assert len(page.items) <= 2
        paged += [item.id for item in page.items]
        after = page.next
        if after is None:
            break
    assert paged == ids


def assert_invalid(field: str) -> Any:
    """`with assert_invalid("name"):` the call in it raises InvalidInput for exactly this field."""
    return pytest.raises(InvalidInput, check=lambda error: [wrong.field for wrong in error.errors] == [field])
