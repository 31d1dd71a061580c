"""The ISP's branding: name, logo, color, contacts. A new installation has the defaults."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from contracts.common import FieldError, InvalidInput, LastEdit, NotFound
from flask import Blueprint, Flask, Response, g, render_template, request, url_for
from servicekit.db import DATABASE_ERRORS, insert_if_absent
from servicekit.edits import refuse_stale
from servicekit.logs import log
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.branding import contrast, logos
from gateway.clients.context import current
from gateway.http.access import Permission, needs
from gateway.http.static_files import FOR_GOOD
from gateway.models import Branding

ROW = 1
DARK_PAGE = "#182433"
# For an SVG made by someone else: it may draw and do nothing else, even when opened on its own.
LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

blueprint = Blueprint("branding", __name__)


@dataclass(frozen=True)
class Brand:
    """`color` is #rrggbb, `logo_type` a media type or None; texts that were not entered are empty."""

    version: int = 0
    isp_name: str = "ISP-OS"
    color: str = "#18181b"
    support_phone: str = ""
    support_email: str = ""
    address: str = ""
    tin: str = ""
    logo_type: str | None = None
    edited_at: datetime | None = None
    edited_by: str | None = None

    @property
    def edit(self) -> LastEdit:
        return LastEdit(self.version, self.edited_at, self.edited_by or "")

    @property
    def logo_url(self) -> str | None:
        return url_for("branding.logo", v=self.version) if self.logo_type else None

    @property
    def css_url(self) -> str:
        return url_for("branding.css", v=self.version)

    @property
    def phone_link(self) -> str:
        """The phone number as tel: links need it."""
        return re.sub(r"[^0-9+]", "", self.support_phone)

    @property
    def ink(self) -> str:
        """The color of text on the brand's color."""
        return contrast.ink_on(self.color)

    @property
    def text(self) -> str:
        """The brand's color for text on white, darkened if needed."""
        return contrast.darkened_for(contrast.WHITE, self.color)

    @property
    def text_dark(self) -> str:
        """The brand's color for text on a dark page, lightened if needed."""
        return contrast.lightened_for(DARK_PAGE, self.color)


TEXTS = ("isp_name", "color", "support_phone", "support_email", "address", "tin")
COLUMNS = (
    Branding.version,
    *(getattr(Branding, name) for name in TEXTS),
    Branding.logo_type,
    Branding.edited_at,
    Branding.edited_by,
)


def register(app: Flask) -> None:
    app.register_blueprint(blueprint)
    app.context_processor(lambda: {"brand": shown(), "isp_name": shown().isp_name})


def load() -> Brand:
    with current().database.reading() as session:
        return _read(session)


def shown() -> Brand:
    """The branding for this request. While the database is unavailable it is the default."""
    if "brand" not in g:
        try:
            g.brand = current().kept.get("brand", load)
        except DATABASE_ERRORS as error:
            log.warning("branding not read", error=str(error))
            g.brand = Brand()
    return g.brand


def logo_content() -> bytes | None:
    with current().database.reading() as session:
        return session.scalar(select(Branding.logo).where(Branding.id == ROW))


def change(session: Session, texts: dict[str, str], *, version: int | None = None) -> Brand:
    """Change the given TEXTS and keep the others.

    Raises InvalidInput, naming the wrong fields, and Stale if `version` is given and isn't the latest.
    """
    return _store(session, checked(texts), version)


def set_logo(session: Session, content: bytes) -> Brand:
    """Replace the logo. Raises InvalidInput."""
    try:
        logo_type = logos.type_of(content)
    except logos.UnusableLogo as error:
        raise InvalidInput.of("logo", str(error)) from None
    return _store(session, {"logo": content, "logo_type": logo_type})


def remove_logo(session: Session) -> Brand:
    return _store(session, {"logo": None, "logo_type": None})


def checked(texts: dict[str, str]) -> dict[str, str]:
    """The texts in their normal form. Raises InvalidInput, naming the wrong fields."""
    normal, errors = {}, []
    for name, text in texts.items():
        try:
            normal[name] = CHECKS[name](text.strip())
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    if errors:
        raise InvalidInput("some fields are not right; see errors", errors)
    return normal


@blueprint.get("/branding/logo")
@needs(Permission.PUBLIC)
def logo() -> Response:
    """The logo's file. Raises NotFound."""
    brand, content = load(), logo_content()
    if brand.logo_type is None or content is None:
        raise NotFound("there is no logo")
    response = _cacheable(Response(content, content_type=brand.logo_type), brand)
    response.headers["Content-Security-Policy"] = LOGO_POLICY
    return response


@blueprint.get("/brand.css")
@needs(Permission.PUBLIC)
def css() -> Response:
    """The brand's color as CSS custom properties, for every page."""
    brand = load()
    return _cacheable(Response(render_template("brand.css", brand=brand), mimetype="text/css"), brand)


def _cacheable(response: Response, brand: Brand) -> Response:
    is_this_one = request.args.get("v") == str(brand.version)
    response.headers["Cache-Control"] = FOR_GOOD if is_this_one else "no-cache"
    response.set_etag(f"brand-{brand.version}")
    return response.make_conditional(request)  # type: ignore[return-value]  # it returns itself


def _read(session: Session) -> Brand:
    row = session.execute(select(*COLUMNS).where(Branding.id == ROW)).one_or_none()
    return Brand(**row._mapping) if row else Brand()


def _store(session: Session, values: dict[str, Any], version: int | None = None) -> Brand:
    insert_if_absent(session, Branding, id=ROW, **asdict(Brand()))
    row = session.get_one(Branding, ROW, with_for_update=True)
    refuse_stale(LastEdit(row.version, row.edited_at, row.edited_by or ""), version)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1
    operator = g.get("operator")
    row.edited_at, row.edited_by = current().clock.now(), operator.email if operator else None
    session.flush()
    g.pop("brand", None)
    return _read(session)


def _isp_name(text: str) -> str:
    if not 2 <= len(_one_line(text)) <= 100:
        raise ValueError("must be 2 to 100 characters long")
    return text


def _phone(text: str) -> str:
    if text and not re.fullmatch(r"\+?[0-9 ()./-]{5,40}", _one_line(text)):
        raise ValueError("must be a phone number, such as 0917 123 4567")
    return text


def _email(text: str) -> str:
    if len(text) > 200 or (text and not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+", text)):
        raise ValueError("must be an email address, such as help@example.com")
    return text


def _address(text: str) -> str:
    if len(text) > 500:
        raise ValueError("must be at most 500 characters long")
    return _plain(text.replace("\r\n", "\n"))


def _tin(text: str) -> str:
    """Nine digits, and three to five more if there is a branch code."""
    digits = re.sub(r"[ .-]", "", re.sub(r"^tin[ :.#]*", "", text, flags=re.IGNORECASE))
    if text and not re.fullmatch(r"[0-9]{9}([0-9]{3,5})?", digits):
        raise ValueError("must be a TIN, such as 123-456-789-000")
    return "-".join(part for part in (digits[0:3], digits[3:6], digits[6:9], digits[9:]) if part)


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("must be one line")
    return _plain(text)


def _plain(text: str) -> str:
    if any((ord(character) < 32 and character not in "\n\t") or ord(character) == 127 for character in text):
        raise ValueError("must not contain control characters")
    return text


CHECKS = {
    "isp_name": _isp_name,
    "color": contrast.parse,
    "support_phone": _phone,
    "support_email": _email,
    "address": _address,
    "tin": _tin,
}
