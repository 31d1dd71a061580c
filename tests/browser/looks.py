"""How pages look, on desktops and phones, light and dark: nothing cut off and no serious finding of axe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, PHONE

OUTPUT = Path(__file__).parent / "output"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
SERIOUS = ("serious", "critical")
# A theme changes only colors; the other rules of axe are checked once for each window size.
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
COLORS: dict[str, Any] = {**EVERYTHING, "runOnly": ["color-contrast"]}
RUN_AXE = """async (options) => (await axe.run(document, options)).violations.map((found) => ({
    rule: found.id, impact: found.impact, help: found.help,
    where: found.nodes.slice(0, 5).map((node) => node.html.slice(0, 200) + " | " +
        node.any.concat(node.all, node.none).map((check) => check.message).join("; ").slice(0, 250)),
}))"""
TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width && box.right > document.documentElement.clientWidth + 1;
}).slice(0, 5).map((element) => element.outerHTML.slice(0, 150))"""


@dataclass(frozen=True)
class Look:
    name: str
    viewport: dict[str, int]
    theme: str

    def context(self) -> dict[str, Any]:
        """The options of a browser context. Motion is off, so that pictures are stable."""
        return {"viewport": self.viewport, "color_scheme": self.theme, "reduced_motion": "reduce"}


LOOKS = (
    Look("desktop-light", DESKTOP, "light"),
    Look("desktop-dark", DESKTOP, "dark"),
    Look("phone-light", PHONE, "light"),
    Look("phone-dark", PHONE, "dark"),
)


def what_is_wrong(page: Page, look: Look, name: str) -> list[str]:
    """Take a picture of the page. Returns what a person could not see or use."""
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    expect(page.locator(".htmx-request")).to_have_count(0)
    folder = OUTPUT / look.name
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
    wrong = []
    width = page.evaluate("document.scrollingElement.scrollWidth")
    if width > look.viewport["width"]:
        wrong.append(f"{name}: {width} px wide: {page.evaluate(TOO_WIDE)}")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(RUN_AXE, EVERYTHING if look.theme == "light" else COLORS)
    wrong += [
        f"{name}: {one['rule']} ({one['impact']}): {one['help']}: {one['where']}"
        for one in found
        if one["impact"] in SERIOUS
    ]
    return wrong
