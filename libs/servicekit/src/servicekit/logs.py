"""Logs are events with fields, one JSON object per line, with the correlation id of the original request."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

from servicekit.ids import new_id

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def correlation_id() -> str:
    """The id of the request that led to the current work; created on first use."""
    current = _correlation_id.get()
    if not current:
        current = new_id()
        _correlation_id.set(current)
    return current


@contextmanager
def correlated(identifier: str) -> Iterator[None]:
    """Everything that is logged, published or called inside has this correlation id."""
    token = _correlation_id.set(identifier)
    try:
        yield
    finally:
        _correlation_id.reset(token)


def configure_logging(process: str, level: int) -> None:
    """Log JSON lines to standard error, from this level up (ISPOS_LOG_LEVEL; see ProcessSettings)."""

    def add_context(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event.setdefault("process", process)
        if _correlation_id.get():
            event.setdefault("correlation_id", _correlation_id.get())
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_context,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processor=structlog.processors.JSONRenderer()
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    # It warns about every connection that the broker closes normally.
    logging.getLogger("amqp").setLevel(logging.ERROR)


log = structlog.get_logger()
