"""The audit log: who did what, when, from where."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flask import Response, request

from gateway.admin.lists import Listing, date_argument, export_address, text_argument
from gateway.admin.pages import PAGE_SIZE, Entry, all_items, every_item, page, record_address, show
from gateway.audit.entries import AuditFilter, AuditView, list_entries
from gateway.audit.events import all_words, events_called, kind_of_record
from gateway.clients.context import current
from gateway.http.access import Permission
from gateway.http.csv_export import csv_response
from gateway.identity import invitations, operator_changes

HEADER = ("When (UTC)", "Who", "Role", "What", "Record", "Address", "Request", "Path", "Request ID")
# Later or earlier dates cannot be converted to an instant in every time zone.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


@page("/audit-log", permission=Permission.VIEW_AUDIT_LOG, tab=Entry(4, "Audit log"))
def audit_log() -> Response:
    asked = _asked()
    found = list_entries(current(), asked, PAGE_SIZE, request.args.get("after"))
    everybody = all_items(lambda limit, after: operator_changes.list_operators(current(), limit, after))
    emails = {one.id: one.email for one in everybody} | _invited(found.items)
    return show(
        "audit_log.html",
        list=Listing(found, csv=export_address("admin.audit_log_csv")),
        rows=[
            (entry, _address_of_record(entry), emails.get(entry.record_id, entry.record_id))
            for entry in found.items
        ],
        operators=[(one.id, one.email) for one in everybody],
        actions=[(words, words) for words in all_words()],
        asked=asked,
        narrowed=asked != AuditFilter(),
    )


@page("/audit-log.csv", permission=Permission.VIEW_AUDIT_LOG)
def audit_log_csv() -> Response:
    asked = _asked()
    entries = every_item(lambda limit, after: list_entries(current(), asked, limit, after))
    return csv_response("audit-log.csv", HEADER, _rows(entries))


def _asked() -> AuditFilter:
    words = text_argument("action")
    return AuditFilter(
        operator_id=text_argument("operator") or None,
        events=tuple(events_called(words)) if words else None,
        since=_day("from"),
        until=_day("until"),
    )


def _day(name: str) -> date | None:
    day = date_argument(name)
    return day if day is not None and FIRST_DAY <= day <= LAST_DAY else None


def _invited(entries: list[AuditView]) -> dict[str, str]:
    ids = [entry.record_id for entry in entries if kind_of_record(entry.event) == "invitation"]
    return invitations.addresses_of(current(), ids)


def _address_of_record(entry: AuditView) -> str:
    """The page of the record; empty if it has none."""
    return record_address(kind_of_record(entry.event), entry.record_id.partition("/")[0])


def _rows(entries: Iterator[AuditView]) -> Iterator[tuple[str, ...]]:
    for entry in entries:
        yield (
            entry.recorded_at.isoformat(),
            entry.actor,
            entry.role,
            entry.what,
            entry.record_id,
            entry.address,
            entry.action,
            entry.path,
            entry.correlation_id,
        )
