"""How long a first visit takes over a slow mobile connection, in Chromium."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright
from testkit.chromium import find_chromium

LOADS = 5
# "Slow 4G" in the developer tools of Chromium.
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
SLOW_PROCESSOR = 4
QUIET_MILLISECONDS = 30_000
FIRST_PAINT = """() => new Promise(resolve => {
  const seen = () => performance.getEntriesByName("first-contentful-paint")[0];
  const look = () => seen() ? resolve(seen().startTime) : setTimeout(look, 50);
  look();
})"""


@dataclass(frozen=True)
class Weight:
    """What was transferred, compressed and with response headers."""

    octets: int
    requests: int


class Visitor:
    """Visits one address with these cookies and an empty cache."""

    def __init__(self, browser: Browser, url: str, cookies: Mapping[str, str]) -> None:
        self._browser = browser
        self._url = url
        self._cookies = [
            {"name": name, "value": value, "url": url, "httpOnly": True} for name, value in cookies.items()
        ]

    def first_paint_seconds(self, path: str, *, slow_processor: bool = False) -> float:
        """Median."""
        return statistics.median(self._first_paint(path, slow_processor) for _ in range(LOADS))

    def weight(self, path: str) -> Weight:
        """What the page loads until the network is idle."""
        octets: list[float] = []
        with self._fresh() as (page, devtools):
            devtools.on("Network.loadingFinished", lambda event: octets.append(event["encodedDataLength"]))
            page.goto(f"{self._url}{path}", wait_until="networkidle", timeout=QUIET_MILLISECONDS)
        return Weight(int(sum(octets)), len(octets))

    def _first_paint(self, path: str, slow_processor: bool) -> float:
        with self._fresh() as (page, devtools):
            devtools.send("Network.emulateNetworkConditions", SLOW_4G)
            if slow_processor:
                devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_PROCESSOR})
            page.goto(f"{self._url}{path}", wait_until="commit")
            return page.evaluate(FIRST_PAINT) / 1000

    @contextmanager
    def _fresh(self) -> Iterator[tuple[Page, CDPSession]]:
        context: BrowserContext = self._browser.new_context(viewport={"width": 1280, "height": 800})
        try:
            context.add_cookies(self._cookies)  # type: ignore[arg-type]  # a dict of these keys
            page = context.new_page()
            devtools = context.new_cdp_session(page)
            devtools.send("Network.enable")
            devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
            yield page, devtools
        finally:
            context.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()
