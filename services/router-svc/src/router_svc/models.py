"""The tables of router-svc."""

from __future__ import annotations

from datetime import datetime

from contracts.router import RouterStatus, SessionControl
from servicekit.db import NAMING_CONVENTION, UtcDateTime, enum_type
from servicekit.edits import EditedRow
from sqlalchemy import Boolean, Integer, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Router(EditedRow, Base):
    """A NAS. RADIUS identifies it by the source address of its packets, so the address is unique."""

    __tablename__ = "routers"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text, unique=True)
    status: Mapped[RouterStatus] = mapped_column(enum_type(RouterStatus))
    nas_address: Mapped[str] = mapped_column(Text, unique=True)
    radius_secret_encrypted: Mapped[str] = mapped_column(Text)
    coa_port: Mapped[int] = mapped_column(Integer)
    session_control: Mapped[SessionControl] = mapped_column(enum_type(SessionControl))
    require_message_authenticator: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
