"""The subscriber's own page: no login, and no data about anyone else."""

from __future__ import annotations

import time

from contracts.common import NotFound
from contracts.subscriber import SubscriberView
from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import TooManyRequests

from gateway.clients.answers import UNAVAILABLE_ERRORS
from gateway.clients.context import current, services
from gateway.display.typed import is_id
from gateway.http.access import Permission, needs
from gateway.http.problems import problem_of
from gateway.identity.addresses import network_of
from gateway.portal import views
from gateway.resources import invoice_pdf as document

blueprint = Blueprint("portal", __name__)
# The bucket holds 30 tokens and gains one a second, which allows five files at once and ten a minute.
FILE_TOKENS = 6


@blueprint.get("/c/<short_id>")
@needs(Permission.PUBLIC)
def page(short_id: str) -> str:
    """The subscriber's page. Raises NotFound, TooManyRequests."""
    subscriber = _known(short_id)
    return render_template("portal/page.html", short_id=subscriber.short_id, state=views.state(subscriber))


@blueprint.get("/c/<short_id>/state")
@needs(Permission.PUBLIC)
def state(short_id: str) -> str:
    """The page's content, which updates automatically. Raises NotFound, TooManyRequests."""
    subscriber = _known(short_id)
    return render_template("portal/state.html", short_id=subscriber.short_id, state=views.state(subscriber))


@blueprint.get("/c/<short_id>/invoices/<invoice_id>.pdf")
@needs(Permission.PUBLIC)
def invoice_pdf(short_id: str, invoice_id: str) -> Response:
    """An invoice as PDF. Raises NotFound, also for someone else's invoice; TooManyRequests."""
    subscriber = _known(short_id)
    found = services().billing.get_invoice(invoice_id) if is_id(invoice_id) else None
    if found is None or found.subscriber_id != subscriber.id:
        raise NotFound("this invoice doesn't exist; open it from your page")
    # One worker makes the files for everyone.
    _take(f"files {subscriber.id}", FILE_TOKENS)
    return document.response(found, document.create(found, subscriber))


@blueprint.errorhandler(Exception)
def on_error(error: Exception) -> Response:
    """An error page for subscribers, who have no dashboard and no log."""
    return problem_of(error).as_page("portal/problem.html")


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """Anyone with the address can see the page, so keep it from caches, other sites and search engines."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _known(short_id: str) -> SubscriberView:
    """The subscriber with this id. Raises NotFound if there is none, TooManyRequests.

    A wrong id counts against the caller's address, a right one only against that page, so that neighbors
    behind one address do not lock each other out.
    """
    address = network_of(request.remote_addr or "")
    _take(address)
    try:
        subscriber = _named_by(short_id)
    except UNAVAILABLE_ERRORS:
        current().portal_bucket.give_back(address)
        raise
    if subscriber is None:
        raise NotFound("this page doesn't exist; check the link you were given")
    current().portal_bucket.give_back(address)
    _take(f"page {subscriber.id}")
    return subscriber


def _named_by(short_id: str) -> SubscriberView | None:
    return services().subscriber.find_subscriber_by_short_id(short_id) if is_id(short_id) else None


def _take(key: str, tokens: int = 1) -> None:
    """Raises TooManyRequests."""
    if not current().portal_bucket.take(key, time.monotonic(), tokens):
        raise TooManyRequests("too many requests; wait a minute and try again", retry_after=60)
