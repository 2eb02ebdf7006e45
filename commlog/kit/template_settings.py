"""How templates are found, and what they know without being given it."""

from pathlib import Path
from typing import Any


def of(directory: Path) -> list[dict[str, Any]]:
    """Django's TEMPLATES."""
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [directory],
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                    "commlog.navigation.frame",
                ],
                "builtins": [
                    "commlog.templatetags.icons",
                    "commlog.templatetags.live",
                    "commlog.templatetags.rows",
                    "commlog.templatetags.wording",
                ],
            },
        }
    ]
