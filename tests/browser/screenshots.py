"""Take the pictures in docs/screenshots: `python -m tests.browser.screenshots` (needs Chromium)."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from testkit.chromium import find_chromium

from tests.browser.browsing import DESKTOP, PHONE, Window
from tests.browser.people import PLAN, ROUTER
from tests.support.deployment import OWNER_EMAIL, OWNER_PASSWORD, REPOSITORY, Deployment, running
from tests.support.isp import SECONDS, Household, Isp

FOLDER = REPOSITORY / "docs" / "screenshots"
COLORS = 128
MAX_OCTETS = 150_000
NEIGHBOURS = (
    "Ana Lim", "Ben Tan", "Carmen Flores", "Diego Ramos", "Elena Cruz", "Felix Garcia", "Grace Mendoza",
    "Hector Bautista", "Irene Villanueva", "Jose Aquino", "Karla Dizon", "Luis Navarro", "Mila Castillo",
)  # fmt: skip


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="ispos-screenshots-"))
    folder.chmod(0o755)
    try:
        with ExitStack() as stack:
            deployment = stack.enter_context(running(Deployment("embedded", folder)))
            pedro, ana = _build(deployment, stack)
            started = stack.enter_context(sync_playwright())
            browser = started.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            stack.callback(browser.close)
            FOLDER.mkdir(parents=True, exist_ok=True)
            _take(browser, deployment, pedro, ana)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _build(deployment: Deployment, stack: ExitStack) -> tuple[Household, Household]:
    """A month of a small ISP. Most pay, on different days; Pedro paid late, and Ana has not paid yet."""
    isp = Isp(deployment, stack, plan_name=PLAN, identity=ROUTER)
    deployment.begin_month()
    juan = isp.connect("Juan dela Cruz", username="juan.delacruz")
    maria = isp.connect("Maria Santos", username="maria.santos")
    pedro = isp.connect("Pedro Reyes", username="pedro.reyes")
    neighbours = [
        isp.connect(name, username=name.lower().replace(" ", "."), online=index < 9)
        for index, name in enumerate(NEIGHBOURS)
    ]
    deployment.api.patch(f"/subscribers/{pedro.id}", email="pedro@example.com", phone="09171234569")
    deployment.generate_invoices()
    for household in (juan, pedro, *neighbours[:9]):
        isp.nas.pass_traffic(household.username, upload_octets=10**9, download_octets=12 * 10**9)
    isp.nas.send_interims()
    isp.nas.wait_reported(SECONDS)
    juan.pay(invoice_id=juan.invoice()["id"], reference="GCash-20260408-001")
    maria.hold("admin", note="copper theft, ask the manager")
    ana, *others = neighbours
    for number, household in enumerate(others):
        if number % 2 == 0:
            deployment.advance(days=2)
        if number < 9:
            household.pay(
                reference=f"GCash-20261200-{number + 1:03}", method="gcash" if number % 3 else "cash"
            )
    deployment.advance(days=20 - 2 * 6)
    for household in (pedro, ana):
        household.home.wait_fenced(SECONDS)
        household.wait_known_online()
    pedro.pay(reference="GCash-20260408-002")
    pedro.wait_reconnected()
    return pedro, ana


def _take(browser: Browser, deployment: Deployment, pedro: Household, ana: Household) -> None:
    def window(**options: Any) -> Window:
        return Window(browser, deployment.url, reduced_motion="reduce", **options)

    owner = window(viewport=DESKTOP)
    owner.log_in(OWNER_EMAIL, OWNER_PASSWORD)
    owner.see("Collected this month")
    _save(owner.page, "dashboard")
    owner.go(f"/subscribers/{pedro.id}")
    owner.see("Online since")
    _save(owner.page, "subscriber")
    owner.page.get_by_role("heading", name="Timeline").evaluate("heading => heading.scrollIntoView()")
    owner.see("Router acknowledged the disconnect")
    _save(owner.page, "timeline")
    owner.menu("Billing")
    _save(owner.page, "billing")
    owner.go(f"/subscribers/{ana.id}")
    owner.open_dialog("Record Payment")
    _save(owner.page, "record-payment")

    dark = window(viewport=DESKTOP, color_scheme="dark", storage_state=owner.context.storage_state())
    dark.go("/")
    dark.see("Collected this month")
    _save(dark.page, "dashboard-dark")
    phone = window(viewport=PHONE)
    phone.go(f"/c/{ana.subscriber['short_id']}")
    phone.see("You owe")
    _save(phone.page, "payment-page")


def _save(page: Page, name: str) -> None:
    """Save with few colors, which suits screenshots and keeps the files small."""
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = FOLDER / f"{name}.png"
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    octets = path.stat().st_size
    assert octets < MAX_OCTETS, f"{path} has {octets} octets"
    print(f"{path.relative_to(REPOSITORY)}: {octets // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
