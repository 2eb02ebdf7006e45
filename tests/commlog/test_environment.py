"""Settings from the environment: a wrong value stops the start and names the variable."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from commlog.environment import Environment
from tests import settings_page

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = ROOT / "commlog" / "settings.py"
READ = compile(SETTINGS.read_text(), SETTINGS, "exec")  # once: it takes longer than what it does
STRONG = "".join(chr(33 + number) for number in range(60))
TWILIO = {
    "TWILIO_ACCOUNT_SID": "AC" + "0a" * 16,
    "TWILIO_AUTH_TOKEN": "0a" * 16,
    "TWILIO_FROM": "+441632960000",
}


def settings_of(**variables: str) -> dict[str, Any]:
    """The settings that a process with just these variables has.

    They are read apart from those of the tests, which stay as they are.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", variables)
        return read()


def read() -> dict[str, Any]:
    """The settings of the environment that there is."""
    found: dict[str, Any] = {"__name__": "settings", "__file__": str(SETTINGS)}
    exec(READ, found)
    return found


def started(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python with just these variables set."""
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "commlog.settings", **variables}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


class Asked(dict[str, str]):
    """Variables that remember which of them were asked for."""

    def __init__(self, **variables: str) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, *default: Any) -> Any:
        self.names.add(name)
        return super().get(name, *default)


def test_the_page_of_settings_is_up_to_date() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page(), "run make settings-page"


def test_every_variable_that_is_read_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    monkeypatch.setattr(os, "environ", asked)
    read()

    of_one_channel = {name for name in asked.names if re.match(r"RETRY_(EMAIL|SMS|WEB_HOOK)_", name)}
    assert settings_page.names() == asked.names - of_one_channel
    assert {re.sub(r"_(EMAIL|SMS|WEB_HOOK)_", "_", name) for name in of_one_channel} < settings_page.names()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("PUBLIC_URL", "commlog"),
        ("PUBLIC_URL", "https://commlog.example.org/path"),
        ("TRUSTED_PROXY_NETS", "10.0.0.1/8"),
        ("DATABASE_URL", "mysql://localhost/commlog"),
        ("DATABASE_REPLICA_URL", "postgres://localhost/commlog"),  # DATABASE_URL is SQLite
        ("DATABASE_REPLICA_URL", "mysql://localhost/commlog"),
        ("DATABASE_REPLICA_MOST_BEHIND", "0"),
        ("PUBLIC_URL", "https://commlog.example.org?x=1"),
        ("PUBLIC_URL", "https://ada:secret@commlog.example.org"),
        ("PUBLIC_URL", "https://commlog.example.org:99999"),
        ("PUBLIC_URL", "https://büro.example.org"),
        ("ALLOWED_HOSTS", "https://commlog.example.org"),
        ("ALLOWED_HOSTS", "commlog.example.org:8000"),
        ("SYSTEM_SENDER_NAME", "x" * 201),
        ("TENANT_NAME", "my bank"),
        ("STREAM_RETENTION_HOURS", "0"),
        ("STREAM_READERS", "many"),
        ("DEFAULT_FROM_EMAIL", "Harbour Bank, Inc. <no-reply@bank.example>"),
        ("DEFAULT_FROM_EMAIL", '"Bank <no-reply@bank.example>"'),
        ("DEFAULT_FROM_EMAIL", "Bank <no-reply@bank.example>, Ops <ops@bank.example>"),
        ("DEFAULT_FROM_EMAIL", "Staff: Ops <ops@bank.example>;"),
        ("DEFAULT_FROM_EMAIL", "no-reply@bank.example (Bank)"),
        ("DEFAULT_FROM_EMAIL", "Bank\nBcc: x <no-reply@bank.example>"),
        ("DEFAULT_FROM_EMAIL", "=?utf-8?q?B=C3=A4nk?= <no-reply@bank.example>"),
        ("DEFAULT_FROM_EMAIL", "Bank no-reply@bank.example"),
        ("DEFAULT_FROM_EMAIL", "Bank <jörg@bank.example>"),
        ("DEFAULT_FROM_EMAIL", "Bank <bank.example>"),
        ("DEFAULT_FROM_EMAIL", "Bank"),
        ("REPLY_TO_EMAIL", "Help, Desk <help@bank.example>"),
        ("SMTP_EHLO_NAME", "commlog"),
        ("SMTP_EHLO_NAME", "192.0.2.1"),
        ("SMTP_EHLO_NAME", "a.example.org\r\nMAIL"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "imap://mail.example.org"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "smtp://mail.example.org:0"),
        ("EMAIL_URL", "smtp://mail.example.org:25/path"),
        ("EMAIL_URL", "smtp://mail.example.org?tls=true"),
        ("EMAIL_URL", "smtp+tls://user:pass#word@mail.example.org"),
        ("EMAIL_URL", "smtp+tls://user:pass/word@mail.example.org"),
        ("EMAIL_URL", "smtp+tls://user:p%C3%A4ss@mail.example.org"),
        ("EMAIL_URL", "smtp+tls://user:p%0Ass@mail.example.org"),
        ("EMAIL_URL", "smtp+tls://user@mail.example.org"),
        ("EMAIL_URL", "smtp+tls://mail.example.org:465"),
        ("EMAIL_URL", "smtps://mail.example.org:587"),
        ("TWILIO_ACCOUNT_SID", "0" * 34),
        ("TWILIO_AUTH_TOKEN", "demo token"),
        ("TWILIO_FROM", "0151 23456789"),
        ("TWILIO_FROM", "+999123456789"),
        ("TWILIO_FROM", "A name too long"),
        ("TWILIO_FROM", "12"),
        ("TWILIO_FROM", "Bänk"),
        ("TWILIO_FROM", "MG" + "0" * 31),
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
        ("ORGANISATION_DATE_FORMAT", "yyyy.mm.dd"),
        ("SENDER_WORKERS", "1"),
        ("API_LARGEST_BODY", "9"),
        ("API_CALLS_A_MINUTE", "-1"),
        ("API_MESSAGES_A_MINUTE", "many"),
        ("API_MESSAGES_A_MINUTE_IN_ALL", "-1"),
        ("API_MOST_RESENT", "0"),
        ("API_ALLOWED_ORIGINS", "*"),
        ("API_ALLOWED_ORIGINS", "null"),
        ("API_ALLOWED_ORIGINS", "portal.example.org"),
        ("API_ALLOWED_ORIGINS", "https://portal.example.org/path"),
        ("API_ALLOWED_ORIGINS", "https://*.example.org"),
        ("API_ALLOWED_ORIGINS", "https://portal.example.org https://other.example.org"),
        ("SIGN_IN_MOST_WRONG", "0"),
        ("SIGN_IN_MOST_WRONG_OF_ADDRESS", "many"),
        ("SIGN_IN_MINUTES", "0"),
        ("SIGN_IN_ALARM", "-1"),
        ("PASSWORD_CHECKS_AT_ONCE", "0"),
        ("SENDING_MODE", "dry"),
        ("SENDING_MODE", "redirect"),
        ("REDIRECT_EMAIL", "a@example.org, b@example.org"),
        ("REDIRECT_EMAIL", "a..b@example.org"),
        ("REDIRECT_EMAIL", "jörg@example.org"),
        ("REDIRECT_SMS", "0170"),
        ("REDIRECT_SMS", "+999123456789"),
        ("REDIRECT_WEB_HOOK", "ftp://example.org"),
        ("REDIRECT_WEB_HOOK", "http://staging.example.org/hook"),
        ("REDIRECT_WEB_HOOK", "https://10.0.0.1/hook"),
        ("REDIRECT_WEB_HOOK", "https://user:pw@staging.example.org"),
        ("MAIL_RECEIPTS_SECRET", "anymail:short"),
        ("ALERT_EMAIL", "nobody"),
        ("COMPANY_SIGN_IN_ISSUER", "login.bank.example"),
        ("COMPANY_SIGN_IN_ISSUER", "https://login.bank.example/?realm=staff"),
        ("COMPANY_SIGN_IN_ISSUER", f"https://login.bank.example/{'x' * 200}"),
        ("LOCAL_PASSWORDS", "0"),
        ("ALERT_EMAIL_URL", "mail.example.org"),
        ("ALERT_WEBHOOK_URL", "ftp://example.org"),
        ("ALERT_WEBHOOK_SECRET", "short"),
        ("ALERT_SMS_TO", "0170"),
        ("ALERT_EMAIL", "operations@-example.org"),
        ("ALERT_EMAIL", "a@example.org,b@example.org"),
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
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} has a wrong value\. Allowed: "):
        settings_of(**{name: value})


@pytest.mark.parametrize(
    "start", [("-c", "import commlog.settings"), ("manage.py", "check"), ("-c", "import commlog.wsgi")]
)
def test_every_way_to_start_is_refused(start: tuple[str, ...]) -> None:
    said = started(*start, DEFAULT_FROM_EMAIL="Harbour Bank, Inc. <no-reply@bank.example>")

    assert said.returncode == 1
    assert said.stderr.strip().endswith(
        "DEFAULT_FROM_EMAIL has a wrong value. Allowed: one such as Bank <no-reply@bank.example> or "
        '"Harbour Bank, Inc." <no-reply@bank.example>. What is wrong: the name contains “,” and is not in '
        "double quotes."
    )


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"SYSTEM_SENDER_NAME has a wrong value\. Allowed: text in UTF-8"
    ):
        settings_of(SYSTEM_SENDER_NAME="B\udce4nk")


@pytest.mark.parametrize("missing", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"])
def test_twilio_s_settings_come_together(missing: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{missing} has a wrong value"):
        settings_of(**{name: value for name, value in TWILIO.items() if name != missing})


@pytest.mark.parametrize(
    "sender", ["+441632960000", "+44 1632 960000", "Bank", "Bank-24 &Co", "12345", "MG" + "0a" * 16]
)
def test_a_sender_of_sms(sender: str) -> None:
    assert settings_of(**TWILIO | {"TWILIO_FROM": sender})["TWILIO_FROM"] == sender


def test_another_gateway_may_have_another_token() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^TWILIO_AUTH_TOKEN has a wrong value"):
        settings_of(**TWILIO | {"TWILIO_AUTH_TOKEN": "a-token"})
    assert settings_of(**TWILIO | {"TWILIO_AUTH_TOKEN": "a-token", "TWILIO_API_URL": "http://127.0.0.1:8001"})


@pytest.mark.parametrize(
    "sender",
    ["no-reply@bank.example", "<no-reply@bank.example>", "Bank & Co. <no-reply@bank.example>",
     '"Harbour Bank, Inc." <no-reply@bank.example>',
     "Bank: Ops <no-reply@bank.example>", "Bank (Ops) <no-reply@bank.example>",
     "Bänk <no-reply@bänk.example>"],
)  # fmt: skip
def test_a_sender_of_mail(sender: str) -> None:
    made = settings_of(DEFAULT_FROM_EMAIL=sender, REPLY_TO_EMAIL=sender)
    assert (made["DEFAULT_FROM_EMAIL"], made["REPLY_TO_EMAIL"]) == (sender, sender)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://Commlog.Example.org/", "https://commlog.example.org"),
        ("https://commlog.example.org:443", "https://commlog.example.org"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://commlog_web:8000", "http://commlog_web:8000"),
    ],
)
def test_the_public_address_is_spelled_as_browsers_spell_it(given: str, used: str) -> None:
    made = settings_of(PUBLIC_URL=given)
    assert (made["PUBLIC_URL"], made["CSRF_TRUSTED_ORIGINS"]) == (used, [used])


def test_the_pages_that_may_call_the_api_are_spelled_as_browsers_spell_them() -> None:
    made = settings_of(
        API_ALLOWED_ORIGINS="https://Portal.Example.org/, http://127.0.0.1:3000,https://desk.example.org:443"
    )
    assert made["API_ALLOWED_ORIGINS"] == [
        "https://portal.example.org",
        "http://127.0.0.1:3000",
        "https://desk.example.org",
    ]
    assert settings_of()["API_ALLOWED_ORIGINS"] == []


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


def test_a_second_factor_and_a_fresh_sign_in_are_asked_for_in_production_alone() -> None:
    for variables, roles, minutes in (({"DEBUG": "1"}, [], 0), (PRODUCTION, ["Administrator"], 5)):
        found = settings_of(**variables)
        assert (found["SECOND_FACTOR_ROLES"], found["CONFIRM_MINUTES"]) == (roles, minutes)


def test_production_needs_a_named_database() -> None:
    unnamed = {name: value for name, value in PRODUCTION.items() if name != "DATABASE_URL"}

    for variables in (unnamed, unnamed | {"DATABASE_URL": " "}):
        said = started("manage.py", "migrate", **variables)
        assert said.returncode == 1
        assert (
            "DATABASE_URL has a wrong value. Allowed: postgres://user:password@host:5432/name" in said.stderr
        )
        assert "With DEBUG=0 there is no default" in said.stderr


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "sqlite://:memory:", "sqlite:///"])
def test_production_refuses_a_file_that_depends_on_the_working_directory(url: str) -> None:
    said = started("-c", "import commlog.settings", **PRODUCTION | {"DATABASE_URL": url})

    assert "DATABASE_URL has a wrong value" in said.stderr


def test_production_on_postgresql_needs_a_key_for_secrets() -> None:
    said = started(
        "-c",
        "import commlog.settings",
        **PRODUCTION | {"DATABASE_URL": "postgres://commlog:x@127.0.0.1:5432/commlog"},
    )

    assert "SECRETS_KEY has a wrong value. Allowed: one key of at least 32 random characters" in said.stderr


def test_a_database_may_be_at_one_of_several_hosts() -> None:
    url = "postgres://commlog:x@one.example.org:5432,two.example.org:5433/commlog"

    found = settings_of(DATABASE_URL=f"{url}?target_session_attrs=read-write")["DATABASES"]["default"]

    assert (found["HOST"], found["PORT"]) == ("one.example.org,two.example.org", "5432,5433")
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"


def test_a_replica_is_not_waited_for_as_long_as_the_primary() -> None:
    url = "postgres://commlog:x@db.example.org:5432/commlog"

    one, both = settings_of(DATABASE_URL=url), settings_of(DATABASE_URL=url, DATABASE_REPLICA_URL=url)

    assert [*one["DATABASES"]] == ["default"]
    assert "DATABASE_ROUTERS" not in one
    waits = [each["OPTIONS"]["connect_timeout"] for each in both["DATABASES"].values()]
    assert waits == [5, 2]
    assert both["DATABASE_ROUTERS"] == ["notifications.database.replica.Router"]


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
        (
            "smtp+tls://u%40x:p%3Aw@mail.example.org:587",
            {"EMAIL_HOST_USER": "u@x", "EMAIL_HOST_PASSWORD": "p:w", "EMAIL_USE_TLS": True},
        ),
        ("smtp+ssl://u:p@mail.example.org:465", {"EMAIL_USE_SSL": True, "EMAIL_USE_TLS": False}),
        ("smtps://u:p@mail.example.org:465", {"EMAIL_USE_SSL": True, "EMAIL_USE_TLS": False}),
        ("SMTPS://u:p@mail.example.org", {"EMAIL_PORT": 465, "EMAIL_USE_SSL": True, "EMAIL_USE_TLS": False}),
        (
            "smtp+ssl://mail.example.org/",
            {"EMAIL_PORT": 465, "EMAIL_HOST_USER": "", "EMAIL_HOST_PASSWORD": ""},
        ),
        ("smtp+tls://mail.example.org", {"EMAIL_PORT": 587, "EMAIL_USE_TLS": True, "EMAIL_USE_SSL": False}),
        (
            "smtp://mail_server",
            {"EMAIL_HOST": "mail_server", "EMAIL_PORT": 25, "EMAIL_USE_TLS": False, "EMAIL_USE_SSL": False},
        ),
        ("smtp://[::1]:2525", {"EMAIL_HOST": "::1", "EMAIL_PORT": 2525}),
        (
            "smtp+tls://u@x:p@:w%25@mail.example.org",
            {"EMAIL_HOST": "mail.example.org", "EMAIL_HOST_USER": "u@x", "EMAIL_HOST_PASSWORD": "p@:w%"},
        ),
    ],
)
def test_a_mail_server_s_address(url: str, expected: dict[str, Any]) -> None:
    assert expected.items() <= Environment({"EMAIL_URL": url}).mail_server("EMAIL_URL").items()


def test_a_refusal_does_not_show_the_value() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        Environment({"EMAIL_URL": "smtp//user:secret@host"}).mail_server("EMAIL_URL")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ["notifications.I001", "notifications.I002"]),
        ({"EMAIL_URL": "smtp://mail.example.org", **TWILIO}, ["notifications.W001"]),
        (
            {
                "EMAIL_URL": "smtp://u:p@mail.example.org",
                "DEFAULT_FROM_EMAIL": "Bank <no-reply@bank.example>",
            },
            ["notifications.W002", "notifications.I002"],
        ),
        (
            {
                "EMAIL_URL": "smtps://u:p@mail.example.org",
                "DEFAULT_FROM_EMAIL": "Bank <no-reply@bank.example>",
                **TWILIO,
            },
            [],
        ),
    ],
)
def test_the_deployment_check_says_which_channels_will_not_work(
    variables: dict[str, str], said: list[str]
) -> None:
    checked = started("manage.py", "check", "--deploy", **PRODUCTION, **variables)

    assert checked.returncode == 0
    assert sorted(re.findall(r"notifications\.[A-Z]\d{3}", checked.stdout + checked.stderr)) == sorted(said)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"PUBLIC_URL": "https://commlog.example.org"}, "commlog.example.org"),
        (
            {"PUBLIC_URL": "https://commlog.example.org:8443", "SMTP_EHLO_NAME": "mx.example.org"},
            "mx.example.org",
        ),
        ({"PUBLIC_URL": "http://192.0.2.1:8000"}, ""),
        ({"PUBLIC_URL": "http://[2001:db8::1]:8000"}, ""),
        ({"PUBLIC_URL": "http://localhost:8000"}, ""),
        ({}, ""),
    ],
)
def test_what_a_mail_server_is_told_is_our_name(given: dict[str, str], name: str) -> None:
    assert settings_of(**given)["SMTP_EHLO_NAME"] == name
