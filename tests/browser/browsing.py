"""A browser window, and what a person does in it."""

from __future__ import annotations

import re
from typing import Any, Protocol
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, Response, expect

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 780}

# Chromium logs every response of 400 and above to the console. Tests that provoke one say so.
BAD_ANSWER = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


class OpenBrowser(Protocol):
    def __call__(self, url: str, **options: Any) -> Window: ...


class Window:
    """One browser context with one Playwright `page`. `complaints` must be empty after a test."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        """The options are those of a Playwright context."""
        self.url = url
        self.complaints: list[str] = []
        self.expected: set[int] = set()
        self.context = browser.new_context(locale="en-PH", timezone_id="Asia/Manila", **options)
        self.context.set_default_timeout(15_000)
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self.complaints.append(f"{self._where()}: {error.error}"))
        self.context.on("request", self._on_request)
        self.context.on("dialog", self._on_dialog)
        self.page = self.context.new_page()

    def close(self) -> None:
        self.context.close()

    def expect_answers(self, *statuses: int) -> None:
        """Expect responses with these statuses from now on."""
        self.expected.update(statuses)

    # ---- navigating

    def go(self, path: str) -> Response | None:
        """Open `path` on our own host, as typed into the address bar."""
        return self.page.goto(path if path.startswith("http") else f"{self.url}{path}")

    def menu(self, name: str) -> None:
        """Click an entry of the sidebar."""
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
        self.see_heading(name)

    def see_heading(self, words: str | re.Pattern[str], **options: Any) -> Locator:
        heading = self.page.get_by_role("heading", name=words).first
        expect(heading).to_be_visible(**options)
        return heading

    def see(self, words: str | re.Pattern[str], **options: Any) -> None:
        expect(self.page.get_by_text(words).first).to_be_visible(**options)

    # ---- forms

    def fill(self, **by_label: str) -> None:
        """`fill(Full_Name="Juan")`: type into the fields with these labels, or choose from a list."""
        for name, value in by_label.items():
            self.type_into(name.replace("_", " "), value)

    def type_into(self, label: str, value: str, within: Locator | None = None) -> None:
        field = self.field(label, within)
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)

    def field(self, label: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_label(label, exact=True)

    def click(self, name: str, role: Any = "button") -> None:
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def open_dialog(self, name: str) -> Locator:
        """Click a link that opens a dialog. Returns the dialog."""
        self.page.get_by_role("link", name=name, exact=True).first.click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        return dialog

    def log_in(self, email: str, password: str) -> None:
        self.go("/login")
        self.fill(Email=email, Password=password)
        self.click("Log in")
        self.see_heading("Dashboard")

    # ---- what the browser complains about

    def _where(self) -> str:
        return self.page.url if hasattr(self, "page") else ""

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        bad = BAD_ANSWER.match(message.text)
        if bad and int(bad[1]) in self.expected:
            return
        self.complaints.append(f"{self._where()}: {message.type}: {message.text} {message.location}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"{self._where()}: asked another machine: {request.url}")

    def _on_dialog(self, box: Dialog) -> None:
        """Our pages open none, so an injected script did."""
        self.complaints.append(f"{self._where()}: {box.type}: {box.message}")
        box.dismiss()


def row(page: Page | Locator, words: str) -> Locator:
    """The table row with these words."""
    return page.get_by_role("row").filter(has_text=words)


def part(page: Page, title: str) -> Locator:
    """The section of a page under a heading."""
    return page.locator("section").filter(has=page.get_by_role("heading", name=title))
