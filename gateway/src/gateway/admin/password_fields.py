"""The fields of a new password, with the same rules on every page."""

from __future__ import annotations

from gateway.admin.forms import Form
from gateway.identity import passwords


def new_password(form: Form) -> str:
    """The password in the fields `password` and `password_again`. Errors are shown there."""
    password = form.text("password", required=True, longest=passwords.MAX_LENGTH)
    fault = passwords.fault_of(password) if password else ""
    if fault:
        form.wrong("password", fault)
    if password != form.values.get("password_again", ""):
        form.wrong("password_again", "The passwords don't match")
    return password
