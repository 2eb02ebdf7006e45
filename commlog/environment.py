"""Typed reading of settings. An invalid value raises an error that names the variable and what is allowed."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

from commlog.kit.mail_server import EXAMPLES, is_host, read
from notifications.retry import RetryPolicy
from notifications.text.validation import is_one_line

_CLASS = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*\.[A-Z]\w*", re.ASCII)
_WEB_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/?#@:\[\]]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/*"
)
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_RETRY_FIELDS = {
    #: `0`: nothing is retried by itself.
    "ENABLED": ("enabled", "flag"),
    #: The number of the last retry, counted from 0: five retries by default. `-1`: for ever.
    "MAX_RETRIES": ("max_retries", "whole"),
    #: Seconds of the first delay between retries.
    "BACK_OFF_DELAY": ("back_off_delay", "number"),
    #: Seconds of the longest delay.
    "BACK_OFF_MAX_DELAY": ("back_off_max_delay", "number"),
    #: By how much each delay is longer than the one before.
    "DELAY_FACTOR": ("delay_factor", "number"),
    #: The share of a delay, from 0 to 1, by which it is moved at random, so that not all messages come back
    #: at once.
    "JITTER": ("jitter", "number"),
    #: `0`: what a provider refuses permanently is not retried.
    "PERMANENT": ("permanent", "flag"),
    #: `1`: the first retry follows the failure at once, the others after 2, 6, 18 and 54 s. `0`: it waits as
    #: well: 2, 6, 18, 54 and 60 s.
    "FIRST_AT_ONCE": ("first_at_once", "flag"),
}


class Environment:
    """Typed reads of `variables`. Each raises ImproperlyConfigured on an invalid value."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def refuse(self, name: str, allowed: str, wrong: str = "") -> ImproperlyConfigured:
        """Return the error for an invalid value, which it does not quote: it may be a secret."""
        return ImproperlyConfigured(
            f"{name} has a wrong value. Allowed: {allowed}.{f' What is wrong: {wrong}.' if wrong else ''}"
        )

    def text(self, name: str, default: str = "", *, most: int | None = None) -> str:
        """Return the variable without surrounding whitespace; `most`: its maximum length."""
        value = self._variables.get(name, "").strip() or default
        try:
            value.encode()
        except UnicodeEncodeError as error:  # bytes that are not UTF-8, as Python carries them
            raise self.refuse(name, "text in UTF-8") from error
        if most is not None and (len(value) > most or not is_one_line(value)):
            raise self.refuse(name, f"one line of at most {most} characters")
        return value

    def usable(self, name: str, example: str, read: Callable[[str], object], default: str = "") -> str:
        """Return a text that `read` can parse later, or "". `read` raises ValueError with what is wrong."""
        value = self.text(name, default)
        try:
            if value:
                read(value)
        except ValueError as error:
            raise self.refuse(name, example, str(error)) from error
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean: 1/0, true/false, yes/no, on/off."""
        value = self.text(name).lower()
        if not value:
            return default
        if value not in _TRUE | _FALSE:
            raise self.refuse(name, "1 or 0")
        return value in _TRUE

    def whole(self, name: str, default: int, *, least: int | None = None, most: int | None = None) -> int:
        text = self.text(name)
        try:
            value = int(text) if text else default
        except ValueError as error:
            raise self.refuse(name, "a whole number") from error
        if (least is not None and value < least) or (most is not None and value > most):
            raise self.refuse(name, f"a whole number from {least} to {most}")
        return value

    def number(self, name: str, default: float) -> float:
        text = self.text(name)
        try:
            value = float(text) if text else default
        except ValueError as error:
            raise self.refuse(name, "a number") from error
        if value != value or value in (float("inf"), float("-inf")):
            raise self.refuse(name, "a finite number")
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        value = self.text(name, allowed[0]).lower()
        if value not in allowed:
            raise self.refuse(name, f"{', '.join(allowed[:-1])} or {allowed[-1]}")
        return value

    def matching(self, name: str, pattern: str, example: str) -> str:
        value = self.text(name)
        if value and not re.fullmatch(pattern, value):
            raise self.refuse(name, f"{example}, or unset")
        return value

    def words(self, name: str) -> list[str]:
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def keys(self, name: str) -> list[str]:
        """Return comma-separated keys, each long and random enough."""
        keys = self.words(name)
        if any(len(key) < 32 or len(set(key)) < 10 for key in keys):
            raise self.refuse(name, "at least 32 random characters without a comma")
        return keys

    def class_path(self, name: str, default: str) -> str:
        """Return the dotted path of a class, package.module.Class; unset may be ""."""
        value = self.text(name, default)
        if value and not _CLASS.fullmatch(value):
            raise self.refuse(
                name, "the path of a class, such as django.core.files.storage.FileSystemStorage"
            )
        return value

    def options(self, name: str) -> dict[str, Any]:
        """Return a JSON object; empty if unset."""
        try:
            value = json.loads(self.text(name, "{}"))
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self.refuse(name, 'a JSON object such as {"location": "/srv/exports"}')
        return value

    def networks(self, name: str) -> Sequence[IPv4Network | IPv6Network]:
        try:
            return [ip_network(word) for word in self.words(name)]
        except ValueError as error:
            raise self.refuse(name, "networks such as 10.0.0.0/8, separated by commas") from error

    def time_zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
            raise self.refuse(name, "a time zone such as Europe/Berlin") from error
        except KeyError as error:
            raise self.refuse(name, "a time zone such as Europe/Berlin") from error
        return value

    def web_address(self, name: str, default: str) -> str:
        """Return scheme, host and port, spelled as browsers do in Host and Origin."""
        address = _address(self.text(name, default))
        if address is None:
            raise self.refuse(
                name, "an address such as https://commlog.example.org, an international name in its xn-- form"
            )
        return address

    def web_addresses(self, name: str) -> list[str]:
        addresses = [_address(word) for word in self.words(name)]
        if None in addresses:
            raise self.refuse(
                name, "addresses such as https://portal.example.org, without a path, separated by commas"
            )
        return [each for each in addresses if each]

    def hosts(self, name: str) -> list[str]:
        """Return host names as Django matches them: a leading dot includes subdomains, a star matches any."""
        words = [word.lower() for word in self.words(name)]
        if not all(word == "*" or is_host(word.removeprefix(".")) for word in words):
            raise self.refuse(
                name, "host names such as commlog.example.org, without https:// and port, separated by commas"
            )
        return words

    def database(self, name: str, default: str, *, anywhere: bool = True) -> dict[str, Any]:
        """Return Django's settings of a database.

        From sqlite:////path/to/file or postgres://user:password@host:port/name. Unless `anywhere`, a SQLite
        file needs an absolute path: from another working directory another file would be found, or an empty
        one created.
        """
        allowed = "postgres://user:password@host:5432/name or sqlite:////path/to/file"
        text = self.text(name, default)
        if not text:
            raise self.refuse(name, f"{allowed}. With DEBUG=0 there is no default")
        try:
            config = dict(environ.Env.db_url_config(text))
        except (ValueError, KeyError, environ.ImproperlyConfigured) as error:
            raise self.refuse(name, allowed) from error
        if config.get("ENGINE") not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
            raise self.refuse(name, allowed)
        if config["ENGINE"].endswith("sqlite3") and not (anywhere or str(config["NAME"]).startswith("/")):
            raise self.refuse(name, f"{allowed}, its path from the root")
        return config

    def mail_server(self, name: str) -> dict[str, Any]:
        """Return Django's EMAIL_* settings from scheme://user:password@host:port; an empty host if unset."""
        text = self.text(name)
        if not text:
            return {"EMAIL_HOST": ""}
        try:
            return read(text)
        except ValueError as error:
            raise self.refuse(name, EXAMPLES, str(error)) from error

    def retry_policy(self, prefix: str = "RETRY_", base: RetryPolicy | None = None) -> RetryPolicy:
        """Return the retry policy under `prefix`; settings that are not set come from `base`."""
        base = base or RetryPolicy()
        values: dict[str, Any] = {}
        for suffix, (field, kind) in _RETRY_FIELDS.items():
            values[field] = getattr(self, kind)(prefix + suffix, getattr(base, field))
        values["unknown"] = base.unknown
        try:
            return RetryPolicy(**values)
        except ValueError as error:
            suffix, _, allowed = str(error).partition(": ")
            raise self.refuse(prefix + suffix, allowed) from error


def _address(text: str) -> str | None:
    found = _WEB_ADDRESS.fullmatch(text.lower())
    if not found or not is_host(found["host"]) or not 0 < int(found["port"] or 80) < 65_536:
        return None
    usual = {"http": "80", "https": "443"}[found["scheme"]]
    port = f":{int(found['port'])}" if found["port"] and found["port"] != usual else ""
    return f"{found['scheme']}://{found['host']}{port}"
