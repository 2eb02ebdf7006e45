"""How log lines look."""

import logging
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")  # of the call that is being answered


class Line(logging.Formatter):
    """Names the call that the line is about, where it is one of the API."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line."""
        name = request_id.get()
        record.call = f" [{name}]" if name else ""
        return super().formatMessage(record)


class OneLine(Line):
    """Without a traceback: for what is the fault of whoever asked."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line alone."""
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        return self.formatMessage(record)
