"""Records that people edit: two who edit one at the same time must not undo each other's changes.

A row counts its edits. A command that names the version it was based on is refused if a newer one was saved.
Commands change only the fields that were sent, under the row's lock, so one without a version is safe too.
"""

from __future__ import annotations

from datetime import datetime

from contracts.common import Command, Edit, LastEdit, Stale
from sqlalchemy import Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.db import UtcDateTime


class EditedRow:
    """Mixin of models. The version counts edits by people only: a hold that billing places is none."""

    edit_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    edited_by: Mapped[str | None] = mapped_column(Text)

    @property
    def last_edit(self) -> LastEdit:
        version = self.edit_version or 1  # a new row gets its default at the flush
        return LastEdit(version, self.edited_at, self.edited_by or "")


def check_current(row: EditedRow, command: Edit) -> None:
    """Raises Stale if the command is based on another version of the row, which must be locked."""
    refuse_stale(row.last_edit, command.version)


def refuse_stale(last: LastEdit, version: int | None) -> None:
    """Raises Stale if `version` is given and is not that of the last edit."""
    if version is not None and version != last.version:
        by = f" by {last.by}" if last.by else ""
        raise Stale(f"version {last.version} was saved{by} after version {version}; nothing was changed")


def mark_edited(row: EditedRow, command: Command, now: datetime) -> None:
    """Count the edit that the command made."""
    row.edit_version += 1
    row.edited_at, row.edited_by = now, command.actor
