"""How log lines look."""

import logging


class OneLine(logging.Formatter):
    """Without a traceback: for what is the fault of whoever asked."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line alone."""
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        return self.formatMessage(record)
