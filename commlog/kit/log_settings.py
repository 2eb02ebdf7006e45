"""Logging settings: no query strings, addresses or texts are logged."""

from typing import Any

from django.utils.log import CallbackFilter


def of(*, json: bool) -> dict[str, Any]:
    """Return Django's LOGGING, as plain lines or as JSON objects."""
    line = {"format": "{asctime} {levelname} {name}{call} {message}", "style": "{"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "no flood": {
                "()": CallbackFilter,
                "callback": lambda record: getattr(record, "status_code", 0) != 429,
            }
        },
        "formatters": {
            "line": {"()": f"commlog.kit.log_lines.{'Json' if json else 'Line'}"} | line,
            "one line": {"()": f"commlog.kit.log_lines.{'OneJson' if json else 'OneLine'}"} | line,
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "line"},
            "brief": {"class": "logging.StreamHandler", "formatter": "one line"},
        },
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            # What is refused for being too often must not fill the log.
            "django.request": {"filters": ["no flood"]},
            "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
            # Scanners ask by the machine's address all day: no traceback each time.
            "django.security.DisallowedHost": {"handlers": ["brief"], "propagate": False},
            "twilio.http_client": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
        },
    }
