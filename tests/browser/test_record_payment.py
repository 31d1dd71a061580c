"""Record Payment in a browser: what is typed replaces the amount, and the form says what it pays."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.browsing import Window
from tests.browser.town import Town


def test_typed_amount_replaces_the_balance_and_a_mistake_is_asked_about(owner: Window, town: Town) -> None:
    owner.expect_answers(422)
    somebody = town.isp.connect("Types Seven Hundred", username="types.seven.hundred", online=False)
    town.deployment.generate_invoices(subscriber_id=somebody.id)
    owner.go(f"/subscribers/{somebody.id}")
    dialog = owner.open_dialog("Record Payment")
    amount = dialog.get_by_label("Amount")

    expect(dialog.get_by_text("Pays INV-")).to_be_visible()
    owner.page.keyboard.type("7001500")
    expect(amount).to_have_value("7001500")
    expect(dialog.get_by_text("₱7,000,000.00 becomes credit")).to_be_visible()
    owner.page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Record anyway")).to_be_visible()
    assert somebody.payments() == []

    amount.click()
    owner.page.keyboard.type("700")
    expect(amount).to_have_value("700")
    owner.page.keyboard.press("Enter")
    owner.see("A payment of ₱700.00 was recorded.")
    assert [payment["amount"]["amount"] for payment in somebody.payments()] == [70_000]
