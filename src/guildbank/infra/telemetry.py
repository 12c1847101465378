"""Logs that a person or a machine can read, never with a secret in them."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

import structlog

_HIDDEN = "[hidden]"
_SECRET_NAMES = re.compile(
    r"authorization|cookie|password|secret|token|api[_-]?key|master[_-]?key|signature|database_url|smtp_url",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"\b(?:sk|rk|whsec)_[A-Za-z0-9_+/=-]{6,}"
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=\bBearer )\S+"
    r"|(?<=\bBasic )[A-Za-z0-9+/=]{6,}"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
    re.IGNORECASE,
)
CHATTY = ("alembic", "asyncio", "httpx", "httpcore", "sqlalchemy", "procrastinate", "stripe")
"""Libraries that print every request, or at debug level every statement and byte, secrets too."""


class RequestContext(NamedTuple):
    """What each log line of a request carries."""

    request_id: str
    trace_id: str | None = None


REQUEST: ContextVar[RequestContext | None] = ContextVar("guildbank_request", default=None)
"""The request that this task serves; one cheap variable instead of a dictionary per request."""


def redact(value: object, name: str = "") -> object:
    """Return `value` without secrets: by the member's name, or by the shape of the text."""
    if name and _SECRET_NAMES.search(name) and value is not None:
        return _HIDDEN
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_HIDDEN, value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {key: redact(member, str(key)) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(member) for member in value]
    return value


def _redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        event[name] = redact(value, name)
    return event


def _add_request(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    context = REQUEST.get()
    if context is not None:
        event["request_id"] = context.request_id
        if context.trace_id is not None:
            event["trace_id"] = context.trace_id
    return event


def _drop_exception_info(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # The formatted text is in `exception` by now; the objects would print their locals.
    event.pop("exc_info", None)
    return event


def set_up_logging(
    log_format: Literal["json", "console"] | str = "console", level: str = "info"
) -> None:
    """Send all logs, ours and the libraries', to stderr in one form, redacted."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request,
        structlog.processors.format_exc_info,
        _drop_exception_info,
        _redact_event,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
