"""Tables fit: nothing is cut off, even with the longest names, on desktops and tablets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import DESKTOP, Window
from tests.browser.town import Town

TABLET = {"width": 1024, "height": 768}
LONG_NAME = "Maria Concepcion Wigberto-Villavicencio de los Santos y Evangelista-Buenaventura"
LONG_WORD = "maria.concepcion.wigberto-villavicencio.evangelista"
# Returns the tables that are wider than the place they have.
TOO_WIDE = """() => [...document.querySelectorAll(".table-responsive")]
    .filter((place) => place.scrollWidth > place.clientWidth)
    .map((place) => `${place.scrollWidth} px in ${place.clientWidth}: ${place.innerText.slice(0, 60)}`)"""


@pytest.fixture(scope="module")
def long_names(town: Town) -> Iterator[None]:
    """A subscriber with long names who was suspended, paid and reconnected, and is online."""
    household = town.isp.connect(LONG_NAME, username=LONG_WORD)
    household.wait_known_online()
    town.isp.nas.dial(LONG_WORD, "not-her-password")
    town.deployment.generate_invoices()
    household.pay(reference="GCash-2026040800112233445566778899")
    yield
    household.home.close()


def lists(town: Town) -> Iterator[str]:
    yield from ("/", "/routers", "/plans", "/subscribers", "/billing", "/billing/suspensions-due")
    yield from ("/billing/runs", f"/billing/runs/{town.run['id']}", "/payments", "/sessions")
    yield from ("/sessions?show=all", "/refused-logins", "/reconnects", "/settings/operators")
    yield from ("/audit-log", f"/subscribers/{town.juan.id}/ledger", f"/invoices/{town.juan.invoice()['id']}")
    yield f"/subscribers/{town.juan.id}"


@pytest.mark.usefixtures("long_names")
@pytest.mark.parametrize("viewport", [DESKTOP, TABLET], ids=["desktop", "tablet"])
def test_every_table_fits_with_long_names(owner: Window, town: Town, viewport: dict[str, int]) -> None:
    page = owner.page
    page.set_viewport_size(viewport)  # type: ignore[arg-type]  # a dict of these keys
    wrong = []
    for path in lists(town):
        owner.go(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        wrong += [f"{path}: {words}" for words in page.evaluate(TOO_WIDE)]
        needed = page.evaluate("document.scrollingElement.scrollWidth")
        wrong += [f"{path}: the page is {needed} px wide"] * (needed > viewport["width"])
    assert not wrong, "\n".join(wrong)
