"""Formats of log lines."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")  # of the request that is being answered


class Line(logging.Formatter):
    """Includes the ID of the request, if there is one."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        name = request_id.get()
        record.call = f" [{name}]" if name else ""
        return super().formatMessage(record)


class OneLine(Line):
    """Without a traceback: for errors caused by the client."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        return self.formatMessage(record)


class Json(logging.Formatter):
    """A JSON object per line: time, level, logger, message, request ID and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        found = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request": request_id.get(),
            "exception": self._traceback(record),
        }
        return json.dumps({name: value for name, value in found.items() if value}, ensure_ascii=False)

    def _traceback(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class OneJson(Json):
    """JSON without a traceback."""

    def _traceback(self, record: logging.LogRecord) -> str:
        return ""
