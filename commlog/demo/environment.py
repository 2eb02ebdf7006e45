"""The environment of the demo, without the shell's settings: a demo reaches no real person or database.

manage.py asks here before Django reads any setting, so this module imports nothing that does.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

# What a Python program needs to run at all. A list of what to keep: one of what to drop would miss tomorrow's
# setting.
_KEPT = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TMPDIR", "TZ", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
))  # fmt: skip
_KEPT_PREFIXES = ("LC_", "PYTHON")

COMMANDS = ("demo", "outage")
SETTINGS = "commlog.settings"
DATABASE = "demo.sqlite3"
# Who can sign in to the demo. Printed in the terminal; opens nothing else.
PASSWORD = "harbour-lights-2026"  # noqa: S105
SIGN_INS = {"admin": "Administrator", "officer": "Officer", "viewer": "Viewer"}


def is_for_a_demo(argument: str) -> bool:
    """Whether an argument of manage.py is --demo, or --demo=DIRECTORY."""
    return argument == "--demo" or argument.startswith("--demo=")


def cleaned(shell: Mapping[str, str]) -> dict[str, str]:
    """The shell's environment without anything that could be a setting."""
    kept = {name: value for name, value in shell.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return kept | {"DJANGO_SETTINGS_MODULE": SETTINGS, "PYTHONUNBUFFERED": "1"}


def demo(
    shell: Mapping[str, str], *, directory: Path, port: int, secret_key: str, providers: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the demo's processes. `providers`: how the stand-ins are reached."""
    return cleaned(shell) | {
        "DATABASE_URL": f"sqlite:///{quote(str(directory / DATABASE))}",
        "MARKER_DIRECTORY": str(directory / "markers"),
        "SECRET_KEY": secret_key,
        "SECRETS_KEY": f"sealing {secret_key}",
        # Only the web process runs with DEBUG: it needs no collected static files then. All others spare its
        # cost.
        "DEBUG": "0",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DEFAULT_FROM_EMAIL": "Harbourlight Savings <service@harbourlight.example>",
        "ORGANISATION_TIME_ZONE": "Europe/Berlin",
        **providers,
    }
