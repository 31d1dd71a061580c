"""How pages look, on desktops and phones, light and dark: nothing cut off and no serious finding of axe.

A page is loaded once and then given each look, as when a person resizes the window or changes the theme.
"""

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


@dataclass(frozen=True)
class Look:
    name: str
    viewport: dict[str, int]
    theme: str


# Each differs from its neighbors in one thing, so that the next page can go through them backward.
LOOKS = (
    Look("desktop-light", DESKTOP, "light"),
    Look("desktop-dark", DESKTOP, "dark"),
    Look("phone-dark", PHONE, "dark"),
    Look("phone-light", PHONE, "light"),
)

# The theme is changed by what the button for it calls; the subscriber's page follows the system.
CHANGE_THEME = """(theme) => {
    const root = document.documentElement;
    if (!root.dataset.bsTheme || root.dataset.bsTheme === theme) return;
    if (typeof toggleTheme === "function") toggleTheme(); else root.dataset.bsTheme = theme;
}"""
# Returns what is too wide, once nothing moves and charts have followed a change of the size.
TOO_WIDE = """async (width) => {
    for (const frame of [1, 2]) await new Promise(requestAnimationFrame);
    for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
    const needed = document.scrollingElement.scrollWidth;
    if (needed <= width) return "";
    const wide = [...document.querySelectorAll("body *")].filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width && box.right > document.documentElement.clientWidth + 1;
    });
    return `${needed} px wide: ` + wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 150)).join("\\n");
}"""
_FINDINGS = """const findings = (result) => result.violations.map((found) => ({
    rule: found.id, impact: found.impact, help: found.help,
    where: found.nodes.slice(0, 5).map((node) => node.html.slice(0, 200) + " | " +
        node.any.concat(node.all, node.none).map((check) => check.message).join("; ").slice(0, 250)),
}));"""
# All rules but color-contrast, and but region, whose findings are never serious and which takes long.
RULES = f"""async () => {{
    {_FINDINGS}
    const rules = {{"color-contrast": {{enabled: false}}, region: {{enabled: false}}}};
    return findings(await axe.run(document, {{resultTypes: ["violations"], preload: false, rules}}));
}}"""
# The contrast of a text depends on its color and size and on all that is behind it. Most texts of a page are
# like one of an earlier page; axe takes long to judge them. `known` are the texts that it has judged.
CONTRAST = f"""async (known) => {{
    {_FINDINGS}
    const kind = (element) => {{
        const style = getComputedStyle(element);
        const about = [element.tagName, element.className, style.color, style.fontSize, style.fontWeight,
            style.textShadow, Boolean(element.closest(":disabled, [aria-disabled=true], [inert]"))];
        for (let behind = element; behind; behind = behind.parentElement) {{
            const {{ backgroundColor, backgroundImage, opacity, filter }} = getComputedStyle(behind);
            if (backgroundColor !== "rgba(0, 0, 0, 0)") about.push(backgroundColor);
            if (backgroundImage !== "none") about.push(backgroundImage);
            if (opacity !== "1") about.push(opacity);
            if (filter !== "none") about.push(filter);
        }}
        return about.join("|");
    }};
    // axe doesn't judge text without letters and digits, off the screen, or hidden from some people.
    const field = "input:not([type=checkbox], [type=radio]), select, textarea";
    const hasWords = (element) => element.matches(field) || [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && /[\\p{{L}}\\p{{N}}]/u.test(node.data));
    const isSeen = (element) => element.checkVisibility({{visibilityProperty: true}}) &&
        element.getBoundingClientRect().bottom + scrollY > 0 &&
        !element.closest("[aria-hidden=true], .visually-hidden");
    const seen = new Set(known), kinds = new Map();
    for (const element of document.querySelectorAll("body *")) {{
        if (!hasWords(element) || !isSeen(element)) continue;
        const its = kind(element);
        if (!seen.has(its)) kinds.set(element, its);
    }}
    if (!kinds.size) return {{findings: [], judged: []}};
    const result = await axe.run({{include: [...kinds.keys()]}}, {{
        resultTypes: ["violations", "passes"], preload: false, elementRef: true, runOnly: ["color-contrast"],
    }});
    const judged = [...result.violations, ...result.passes].flatMap((rule) => rule.nodes);
    return {{
        findings: findings(result),
        judged: [...new Set(judged.map((node) => kinds.get(node.element)).filter(Boolean))],
    }};
}}"""


class Inspector:
    """Looks at pages. `what_is_wrong` returns what a person could not see or use.

    Pictures are taken of pages with something wrong, and of all pages with `pictures`.
    """

    def __init__(self, *, pictures: bool = False) -> None:
        self._pictures = pictures
        self._judged: set[str] = set()

    def what_is_wrong(self, page: Page, name: str) -> list[str]:
        """Give a light page each look, beginning with its size. It is light again at the end."""
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        expect(page.locator(".htmx-request")).to_have_count(0)
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE)
        wrong, theme = [], LOOKS[0].theme
        for look in LOOKS if page.viewport_size == DESKTOP else reversed(LOOKS):
            if page.viewport_size != look.viewport:
                page.set_viewport_size(look.viewport)  # type: ignore[arg-type]  # a dict of these keys
            if look.theme != theme:
                theme = look.theme
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                page.evaluate(CHANGE_THEME, theme)
            found = self._findings(page, look)
            wrong += [f"{name} ({look.name}): {words}" for words in found]
            if found or self._pictures:
                folder = OUTPUT / look.name
                folder.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=folder / f"{name}.png")
        return wrong

    def _findings(self, page: Page, look: Look) -> list[str]:
        too_wide = page.evaluate(TOO_WIDE, look.viewport["width"])
        contrast = page.evaluate(CONTRAST, sorted(self._judged))
        self._judged |= set(contrast["judged"])
        found = contrast["findings"]
        # A theme changes only colors.
        if look.theme == LOOKS[0].theme:
            found += page.evaluate(RULES)
        return [too_wide] * bool(too_wide) + [_words(one) for one in found if one["impact"] in SERIOUS]


def _words(finding: dict[str, Any]) -> str:
    return f"{finding['rule']} ({finding['impact']}): {finding['help']}: {finding['where']}"
