"""Readable colors, by the contrast ratio of WCAG 2.2. Colors are written #rrggbb."""

from __future__ import annotations

import re

BLACK, WHITE = "#000000", "#ffffff"
MIN_RATIO = 4.5  # WCAG 2.2, 1.4.3: text of ordinary size
STEPS = 100


def parse(text: str) -> str:
    """#RGB or #RRGGBB, with or without #, as #rrggbb. Raises ValueError."""
    match = re.fullmatch(r"#?([0-9a-f]{3}|[0-9a-f]{6})", text.strip().lower())
    if match is None:
        raise ValueError("must be a color, such as #18181b")
    digits = match[1]
    return "#" + ("".join(2 * digit for digit in digits) if len(digits) == 3 else digits)


def ratio(one: str, other: str) -> float:
    """The contrast ratio of two colors: 1 (none) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(color: str) -> str:
    """White if it is readable on `color`, otherwise black, which always is then."""
    return WHITE if ratio(WHITE, color) >= MIN_RATIO else BLACK


def darkened_for(background: str, color: str) -> str:
    """`color`, darkened until it is readable on a light background."""
    return _mixed_until_readable(color, BLACK, background)


def lightened_for(background: str, color: str) -> str:
    """`color`, lightened until it is readable on a dark background."""
    return _mixed_until_readable(color, WHITE, background)


def _mixed_until_readable(color: str, toward: str, background: str) -> str:
    mixes = (_mix(color, toward, step) for step in range(STEPS + 1))
    return next((mix for mix in mixes if ratio(mix, background) >= MIN_RATIO), toward)


def _mix(color: str, toward: str, step: int) -> str:
    parts = zip(_channels(color), _channels(toward), strict=True)
    return "#" + "".join(f"{(a * (STEPS - step) + b * step) // STEPS:02x}" for a, b in parts)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
