"""Django's template settings: loader and context."""

import re
from pathlib import Path
from typing import Any

from django.template import Origin
from django.template.loaders import filesystem

_INDENTED = re.compile(r"\n[ \t]+")


class Loader(filesystem.Loader):
    """Removes the indentation of lines from our templates, which no page needs."""

    def get_contents(self, origin: Origin) -> str:
        """Return the template's text."""
        return _INDENTED.sub("\n", super().get_contents(origin))


def of(directory: Path) -> list[dict[str, Any]]:
    """Django's TEMPLATES."""
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [directory],
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [
                            "commlog.kit.template_settings.Loader",
                            "django.template.loaders.app_directories.Loader",
                        ],
                    )
                ],
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
