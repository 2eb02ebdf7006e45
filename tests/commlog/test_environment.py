"""Settings from the environment: a wrong value stops the start and names the variable."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from commlog.environment import Environment

ROOT = Path(__file__).resolve().parent.parent.parent
STRONG = "".join(chr(33 + number) for number in range(60))


def started(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python with just these variables set."""
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "commlog.settings", **variables}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("PUBLIC_URL", "commlog"),
        ("PUBLIC_URL", "https://commlog.example.org/path"),
        ("TRUSTED_PROXY_NETS", "10.0.0.1/8"),
        ("DATABASE_URL", "mysql://localhost/commlog"),
        ("CACHE_URL", "memcached://localhost"),
        ("EMAIL_URL", "mail.example.org"),
        ("TWILIO_API_URL", "ftp://localhost"),
        ("WEBHOOK_ALLOWED_NETS", "everything"),
        ("WEBHOOK_ALLOW_HTTP", "2"),
        ("RETRY_ENABLED", "never"),
        ("RETRY_MAX_RETRIES", "-2"),
        ("RETRY_MAX_RETRIES", "four"),
        ("RETRY_BACK_OFF_DELAY", "0"),
        ("RETRY_BACK_OFF_MAX_DELAY", "1"),
        ("RETRY_DELAY_FACTOR", "1"),
        ("RETRY_JITTER", "nan"),
        ("RETRY_PERMANENT", "x"),
        ("RETRY_FIRST_AT_ONCE", "x"),
        ("RETRY_UNKNOWN_SMS", "x"),
        ("RETRY_SMS_MAX_RETRIES", "-2"),
        ("RETRY_WEB_HOOK_DELAY_FACTOR", "0"),
        ("ORGANISATION_TIME_ZONE", "Mars/Olympus"),
        ("SENDER_WORKERS", "1"),
        ("API_LARGEST_BODY", "9"),
        ("API_CALLS_A_MINUTE", "-1"),
        ("API_MOST_RESENT", "0"),
        ("SENDING_MODE", "dry"),
        ("SENDING_MODE", "redirect"),
        ("REDIRECT_EMAIL", "a@example.org, b@example.org"),
        ("REDIRECT_SMS", "0170"),
        ("REDIRECT_WEB_HOOK", "ftp://example.org"),
        ("MAIL_RECEIPTS_SECRET", "anymail:short"),
        ("ALERT_EMAIL", "nobody"),
        ("RECEIPT_TIMEOUT", "0"),
        ("RECEIPTS_URL", "receipts"),
        ("SECRETS_KEY", "short"),
        ("SECRETS_KEY", "a" * 60),
        ("SECRETS_KEY", f"{STRONG[:11]}{STRONG[12:]},{STRONG[:11]}{STRONG[12:]}"),
        ("SECRETS_PREVIOUS_KEYS", "short"),
        ("EXPORT_STORAGE", "s3"),
        ("EXPORT_STORAGE_OPTIONS", "/srv/exports"),
        ("EXPORT_STORAGE_OPTIONS", "[]"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(name: str, value: str) -> None:
    said = started("-c", "import commlog.settings", **{name: value})

    assert said.returncode == 1
    assert f"ImproperlyConfigured: {name} has a wrong value. Allowed: " in said.stderr


@pytest.mark.parametrize("key", ["", "short", "a" * 60, "django-insecure-" + STRONG])
def test_production_needs_a_strong_secret_key(key: str) -> None:
    said = started("-c", "import commlog.settings", DEBUG="0", SECRET_KEY=key)

    assert "SECRET_KEY is missing or weak" in said.stderr


PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": STRONG,
    "PUBLIC_URL": "https://commlog.example.org",
    "DATABASE_URL": "sqlite:////tmp/commlog-production.sqlite3",
}


def test_production_starts() -> None:
    assert started("-c", "import commlog.wsgi", **PRODUCTION).returncode == 0


def test_production_needs_a_named_database() -> None:
    unnamed = {name: value for name, value in PRODUCTION.items() if name != "DATABASE_URL"}

    for variables in (unnamed, unnamed | {"DATABASE_URL": " "}):
        said = started("manage.py", "migrate", **variables)
        assert said.returncode == 1
        assert "DATABASE_URL has a wrong value. Allowed: postgres://user:password@host:5432/name" in said.stderr
        assert "With DEBUG=0 there is no default" in said.stderr


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "sqlite://:memory:", "sqlite:///"])
def test_production_refuses_a_file_that_depends_on_the_working_directory(url: str) -> None:
    said = started("-c", "import commlog.settings", **PRODUCTION | {"DATABASE_URL": url})

    assert "DATABASE_URL has a wrong value" in said.stderr


def test_production_on_postgresql_needs_a_key_for_secrets() -> None:
    said = started("-c", "import commlog.settings", **PRODUCTION | {"DATABASE_URL": "postgres://commlog:x@127.0.0.1:5432/commlog"})

    assert "SECRETS_KEY has a wrong value. Allowed: one key of at least 32 random characters" in said.stderr


def test_more_host_names_are_added_to_the_public_one() -> None:
    program = "from django.conf import settings; print(settings.ALLOWED_HOSTS)"

    said = started("-c", program, **PRODUCTION | {"ALLOWED_HOSTS": "commlog.intern.example.org"})

    assert said.stdout.strip() == "['commlog.example.org', 'commlog.intern.example.org']"


def test_a_production_server_refuses_debug() -> None:
    assert "DEBUG is on" in started("-c", "import commlog.wsgi").stderr


def test_a_channel_s_own_retry_settings_override_the_common_ones() -> None:
    variables = {"RETRY_MAX_RETRIES": "2", "RETRY_SMS_MAX_RETRIES": "0", "RETRY_FIRST_AT_ONCE": "0"}
    env = Environment(variables)
    common = env.retry_policy()

    assert common.waits() == [2, 6, 18]
    assert env.retry_policy("RETRY_SMS_", common).waits() == [2]
    assert env.retry_policy("RETRY_EMAIL_", common).waits() == [2, 6, 18]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", {"EMAIL_HOST": ""}),
        ("smtp://mail.example.org:2525", {"EMAIL_HOST": "mail.example.org", "EMAIL_PORT": 2525}),
        ("smtp+tls://u%40x:p%3Aw@mail.example.org:587", {"EMAIL_HOST_USER": "u@x", "EMAIL_HOST_PASSWORD": "p:w", "EMAIL_USE_TLS": True}),
        ("smtp+ssl://u:p@mail.example.org:465", {"EMAIL_USE_SSL": True}),
    ],
)
def test_a_mail_server_s_address(url: str, expected: dict[str, Any]) -> None:
    assert expected.items() <= Environment({"EMAIL_URL": url}).mail_server("EMAIL_URL").items()


def test_a_refusal_does_not_show_the_value() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        Environment({"EMAIL_URL": "smtp//user:secret@host"}).mail_server("EMAIL_URL")
    assert "secret" not in str(refused.value)
