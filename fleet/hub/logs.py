"""Structured logs: one event a line, with the identities that it is about."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

from fleet.settings import LogFormat

if TYPE_CHECKING:
    from fleet.settings import LogLevel


def configure(log_format: LogFormat, level: LogLevel) -> None:
    """Send structlog's events to stderr, as text for people or as JSON for machines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    errors: list[structlog.typing.Processor] = (
        [structlog.processors.dict_tracebacks] if log_format is LogFormat.JSON else []
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *errors,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries that log by themselves (an exec plugin that fails, say) come out the same way.
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), format="%(asctime)s %(name)s %(message)s"
    )
