"""Structured logs without personal data.

Only the fields listed here are written; whatever else a call adds is dropped, so a careless
`log.info(..., handle=...)` leaks nothing. No bodies, no query strings, no addresses, no names.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED_FIELDS = frozenset(
    {
        "event", "level", "timestamp", "logger", "request_id", "method", "route", "status",
        "milliseconds", "job", "verb", "activity_id", "reaction", "attempt", "error", "peer",
        "count", "state", "origin", "code", "exception", "where", "setup_link", "seconds", "port",
        "message_type", "delivery_id", "line", "version",
    }
)  # fmt: skip


def configure_logging(level: str = "INFO", *, as_json: bool = False) -> None:
    """Send everything, the libraries' logs included, to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            _only_allowed,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Access lines hold addresses and query strings; request lines are our own, without them.
    for name in ("uvicorn.access", "httpx", "httpcore", "arq"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _only_allowed(_: object, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in fields.items() if key in ALLOWED_FIELDS or key[0] == "_"}
